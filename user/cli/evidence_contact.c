/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whom to complain to: the TXT record that a zone of abuse contacts has at the reversed address, as DNS lists are asked (RFC 5782, 2.1 and
 * 2.4). The answer is foreign, so privileges go before the question; and it ends in the head of a mail, so only what is
 * plainly an address counts as one. That there is no contact is no failure: the report says why, and stands without.
 */
#include <stdlib.h>
#include <string.h>

#include "base/drop.h"
#include "cli/evidence.h"
#include "daemon/asking.h"
#include "dns/global.h"
#include "net/net.h"

#define FILES_MAX   64	/* c-ares: two for each of eight resolvers; timers; what stands open */
#define ADDRESS_MAX 254 /* RFC 5321, 4.5.3.1.3, without the brackets of a path */

/* ---- addresses ---- */

/* Nothing that needs quotes (RFC 5321, 4.1.2), and nothing that could mean more in the head of a mail (RFC 5322, 3.4). */
static bool is_address(const uint8_t *text, size_t length)
{
	size_t ats = 0;

	if (!length || length > ADDRESS_MAX || text[0] == '@' || text[length - 1] == '@')
		return false;
	for (size_t i = 0; i < length; i++) {
		ats += text[i] == '@';
		if (text[i] <= ' ' || text[i] >= 0x7f || strchr("<>()[]\\,;:\"", text[i]))
			return false;
	}
	return ats == 1;
}

static bool array_has(const json_t *array, const char *text, size_t length)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *other = json_string_value(json_array_get(array, i));

		if (strlen(other) == length && memcmp(other, text, length) == 0)
			return true;
	}
	return false;
}

static void part_take(const uint8_t *text, size_t length, json_t *array,
		      char odd[static EVIDENCE_SHOWN_MAX])
{
	while (length && text[0] == ' ')
		text++, length--;
	while (length && text[length - 1] == ' ')
		length--;
	if (!length || array_has(array, (const char *)text, length))
		return;
	if (!is_address(text, length))
		text_escape(text, length, odd, EVIDENCE_SHOWN_MAX);
	else if (json_array_size(array) < EVIDENCE_CONTACTS_MAX)
		json_array_append_new(array, json_stringn((const char *)text, length));
}

json_t *evidence_addresses(const struct answer_texts *texts, char odd[static EVIDENCE_SHOWN_MAX])
{
	json_t *array = json_array();

	odd[0] = '\0';
	for (unsigned i = 0; i < texts->count; i++) {
		const uint8_t *at = texts->text[i].byte, *end = at + texts->text[i].length;

		while (at < end) {
			const uint8_t *comma = memchr(at, ',', (size_t)(end - at));
			const uint8_t *stop = comma ? comma : end;

			part_take(at, (size_t)(stop - at), array, odd);
			at = comma ? comma + 1 : end;
		}
	}
	return array;
}

/* ---- asking ---- */

struct asking {
	struct loop *loop;
	struct resolver *resolver;
	char name[NAME_TEXT_MAX];
	json_t *report;
};

void evidence_ask_nobody(json_t *report, const char *why)
{
	json_object_set_new(report, "contact_why", json_string(why));
}

__attribute__((format(printf, 2, 3))) static void say_why(json_t *report, const char *format, ...)
{
	char why[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, sizeof(why), format, ap);
	va_end(ap);
	evidence_ask_nobody(report, why);
}

static const char *failure_of(enum answer_status status)
{
	switch (status) {
	case ANSWER_NONE:
		return "it knows none for this network";
	case ANSWER_SERVFAIL:
		return "the resolver could not find out (SERVFAIL)";
	case ANSWER_REFUSED:
		return "the question was refused";
	case ANSWER_TIMEOUT:
		return "no answer came in time";
	default:
		return "the answer could not be read";
	}
}

static void found(struct asking *a, const struct answer *answer)
{
	struct answer_texts *texts = malloc(sizeof(*texts));
	char odd[EVIDENCE_SHOWN_MAX] = "";
	json_t *addresses;

	if (!texts) {
		say_why(a->report, "no memory for the answer");
		return;
	}
	answer_texts(answer, a->name, texts);
	addresses = evidence_addresses(texts, odd);
	free(texts);
	if (*odd)
		say_why(a->report, "it answers what is no mail address: \"%s\"", odd);
	else if (!json_array_size(addresses))
		say_why(a->report, "%s", failure_of(ANSWER_NONE));
	json_object_set_new(a->report, "contacts", addresses);
}

static void answered(void *context, const struct answer *answer, unsigned latency_ms)
{
	struct asking *a = context;

	(void)latency_ms;
	if (answer->status == ANSWER_FOUND)
		found(a, answer);
	else
		say_why(a->report, "%s", failure_of(answer->status));
	loop_stop(a->loop);
}

static int ask(struct asking *a, const struct dns_settings *s, struct err *e)
{
	const struct drop drop = {.files = FILES_MAX};
	int rc = loop_new(&a->loop);

	if (rc)
		return err_set(e, rc, "cannot make an event loop: %s", strerror(-rc));
	rc = resolver_open(&a->resolver, a->loop, s->server, s->server_count, s->timeout_ms, e);
	if (rc == 0)
		rc = drop_privileges(&drop, e);
	if (rc)
		return rc;
	rc = resolver_ask(a->resolver, a->name, RECORD_TXT, answered, a, NULL);
	if (rc == 0)
		rc = loop_run(a->loop);
	return rc ? err_set(e, rc, "the zone could not be asked: %s", strerror(-rc)) : 0;
}

static int address_compare(void *context, const struct net_address *own)
{
	return addr_equal(context, &own->addr);
}

/* NULL, or what the address is that is never asked about: the question would tell of our own network. */
static const char *refuse(const struct cli *cli, const struct addr *a)
{
	struct addr wanted = *a;

	if (net_each_address(address_compare, &wanted, NULL) > 0)
		return "an address of this host";
	return cli->conf.dnsbl.ask_nonglobal ? NULL : global_refuse(a);
}

void evidence_ask(const struct cli *cli, const struct addr *a, json_t *report)
{
	const char *zone = cli->conf.dnsbl.abuse_contacts, *special = refuse(cli, a);
	struct asking asking = {.report = report};
	struct dns_settings *settings = NULL;
	struct err e = {0};

	if (special) {
		say_why(report, "it is %s, and nobody is asked about those", special);
		return;
	}
	if (!zone[0]) {
		say_why(report, "no zone of contacts is configured (dnsbl.abuse_contacts)");
		return;
	}
	json_object_set_new(report, "contact_zone", json_string(zone));
	name_of_listing(a, false, zone, asking.name);
	if (asking_settings(&cli->conf, cli->config_path, &settings, NULL, &e) ||
	    ask(&asking, settings, &e))
		say_why(report, "%s", e.text);
	resolver_close(asking.resolver);
	loop_free(asking.loop);
	free(settings);
}
