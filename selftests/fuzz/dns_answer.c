/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers of the DNS. The first byte of the input is the record that was asked for, the rest the message. Seeds are written as
 * .hex; selftests/run makes bytes of them.
 */
#include "dns/answer.h"

#include "base/json.h"
#include "dns/generic.h"
#include "fuzz/fuzz.h"

#define TAIL	    7		/* bytes behind the message */
#define TTL_MOST    0x7fffffffU /* RFC 2181, section 8 */
#define ESCAPED_MAX 320		/* less than the longest text needs */

static const struct asked {
	enum record record;
	const char *name;
} asked[] = {
	{RECORD_A, "7.113.0.203.bl.example"},
	{RECORD_TXT, "7.113.0.203.bl.example"},
	{RECORD_PTR, "7.113.0.203.in-addr.arpa"},
	{RECORD_AAAA, "mail.example"},
	{RECORD_MX, "mail.example"},
	{RECORD_TLSA, "_25._tcp.mail.example"},
};
#define ASKED (sizeof(asked) / sizeof(asked[0]))

static bool is_host_name(const char *name)
{
	return memchr(name, 0, NAME_TEXT_MAX) && *name &&
	       name[strspn(name,
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] ==
		       '\0';
}

static void check_found(const struct answer *a, enum record record)
{
	static const struct addr client = {{[10] = 0xff, 0xff, 203, 0, 113, 7}};
	char shown[ESCAPED_MAX];

	switch (record) {
	case RECORD_A:
		HOLDS(a->count && a->count <= OUTCOME_CODES_MAX);
		break;
	case RECORD_AAAA:
		HOLDS(a->count && a->count <= ANSWER_ADDRS_MAX);
		break;
	case RECORD_TXT:
		HOLDS(a->count == 1 && a->text.length <= ANSWER_TEXT_MAX);
		text_escape(a->text.byte, a->text.length, shown, sizeof(shown));
		HOLDS(is_printable(shown));
		break;
	case RECORD_MX:
		HOLDS(a->count && a->count <= ANSWER_MX_MAX);
		for (unsigned i = 0; i < a->count; i++)
			HOLDS(memchr(a->mx[i].name, 0, NAME_TEXT_MAX) &&
			      is_printable(a->mx[i].name));
		break;
	case RECORD_TLSA:
		HOLDS(a->count && a->count <= ANSWER_TLSA_MAX);
		break;
	default:
		/* All of them may be names that no host has. */
		HOLDS(a->count <= ANSWER_NAMES_MAX);
		for (unsigned i = 0; i < a->count; i++) {
			HOLDS(is_host_name(a->name[i]));
			(void)generic_is_name(a->name[i], &client);
		}
	}
}

static void check_outcome(const struct answer *a)
{
	const char *why = NULL;
	enum outcome o = answer_outcome(a, NULL, &why);
	bool listing = false;

	HOLDS(o < OUTCOMES && o != OUTCOME_PENDING);
	for (unsigned i = 0; a->status == ANSWER_FOUND && i < a->count; i++)
		listing |= outcome_is_listing(a->code[i]);
	HOLDS(o != OUTCOME_LISTED || listing);
	HOLDS((o == OUTCOME_CLEAN) == (a->status == ANSWER_NONE));
}

/* The texts are those of the answer: the first begins as the one that it keeps. */
static void check_texts(const struct answer *a, const char *name, const uint8_t *message,
			size_t length)
{
	static struct answer_texts texts;
	struct answer whole = *a;

	memset(&texts, UNTOUCHED, sizeof(texts));
	whole.message = message;
	whole.message_length = length;
	answer_texts(&whole, name, &texts);
	HOLDS((a->status == ANSWER_FOUND) == (texts.count > 0));
	HOLDS(texts.count <= ANSWER_TEXTS_MAX);
	for (unsigned i = 0; i < texts.count; i++)
		HOLDS(texts.text[i].length <= ANSWER_TEXT_WHOLE_MAX);
	HOLDS(!texts.count || (texts.text[0].length >= a->text.length &&
			       memcmp(texts.text[0].byte, a->text.byte, a->text.length) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct answer a, again, nothing;
	const struct asked *q;
	uint8_t *message;

	if (!size)
		return 0;
	q = &asked[choice_of(data[0], ASKED)];
	data++;
	size--;
	message = copy_of(data, size);
	memset(&a, UNTOUCHED, sizeof(a));
	answer_parse(message, size, q->name, q->record, &a);
	if (q->record == RECORD_TXT)
		check_texts(&a, q->name, message, size);
	free(message);

	HOLDS(a.status <= ANSWER_MALFORMED);
	if (a.status == ANSWER_FOUND) {
		check_found(&a, q->record);
	} else {
		HOLDS(!a.count);
		nothing = (struct answer){.status = a.status, .ttl_s = a.ttl_s};
		HOLDS(a.status == ANSWER_NONE ||
		      memcmp((const void *)&a, (const void *)&nothing, sizeof(a)) == 0);
	}
	HOLDS(a.ttl_s <= TTL_MOST);
	if (q->record == RECORD_A)
		check_outcome(&a);

	/* What stands behind the records changes nothing of what they say. */
	message = calloc(1, size + TAIL);
	HOLDS(message);
	memcpy(message, data, size);
	answer_parse(message, size + TAIL, q->name, q->record, &again);
	free(message);
	HOLDS(a.status == ANSWER_MALFORMED ||
	      memcmp((const void *)&a, (const void *)&again, sizeof(a)) == 0);
	return 0;
}
