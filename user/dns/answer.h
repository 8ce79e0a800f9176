/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers of the DNS, read from the bytes of the message with every bound checked. Nothing here trusts the resolver: an answer for
 * another question, a name that loops, a record that is cut off are all no answer.
 */
#ifndef DNS_ANSWER_H
#define DNS_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "dns/name.h"
#include "dns/outcome.h"

/* RFC 1035, 3.2.2 and 3.2.3; RFC 3596, 2.1 */
enum record {
	RECORD_A = 1,
	RECORD_CNAME = 5,
	RECORD_SOA = 6,
	RECORD_PTR = 12,
	RECORD_MX = 15,
	RECORD_TXT = 16,
	RECORD_AAAA = 28,
	RECORD_TLSA = 52 /* RFC 6698, 7.1 */
};

#define ANSWER_NAMES_MAX 10  /* PTR names that are followed (RFC 7208, 5.5; RFC 8601, 2.7.3) */
#define ANSWER_ADDRS_MAX 32  /* addresses of a host that are compared */
#define ANSWER_TEXT_MAX	 256 /* bytes of a TXT record that are kept: one string (RFC 1035, 3.3.14) */
#define ANSWER_MX_MAX	 16  /* hosts of a domain; large ones have five */
#define ANSWER_TLSA_MAX	 8   /* one for each key in use, and for its successor */
#define ANSWER_DATA_MAX	 64  /* bytes of a TLSA record that are kept: SHA-512 */

enum answer_status {
	ANSWER_FOUND,
	ANSWER_NONE, /* NXDOMAIN or NODATA */
	ANSWER_SERVFAIL,
	ANSWER_REFUSED,
	ANSWER_MALFORMED,
	ANSWER_TIMEOUT,
};

struct answer_mx {
	uint16_t preference;
	char name[NAME_TEXT_MAX]; /* "" the root: RFC 7505; a byte that no host name has is '?' */
};

struct answer_tlsa {
	uint8_t usage, selector, matching;
	uint8_t data[ANSWER_DATA_MAX];
	size_t length; /* of the whole: what is longer than ANSWER_DATA_MAX was cut */
};

struct answer {
	enum answer_status status;
	bool is_alias;	   /* FOUND or NONE: a CNAME stood on the way */
	bool is_authentic; /* the resolver says that it has checked signatures (AD; RFC 4035, 3.2.3) */
	uint32_t ttl_s;	   /* FOUND: the least on the way; NONE: of RFC 2308, 0 without a SOA */
	unsigned count;	   /* of the member that belongs to the record type, at most its maximum */
	union {
		uint32_t code[OUTCOME_CODES_MAX];   /* A, host order */
		struct addr addr[ANSWER_ADDRS_MAX]; /* AAAA */
		char name[ANSWER_NAMES_MAX]
			 [NAME_TEXT_MAX]; /* PTR: host names, letters, digits, - and _ */
		struct {
			uint8_t byte
				[ANSWER_TEXT_MAX]; /* TXT: the first record's strings, foreign */
			size_t length;
		} text;
		struct answer_mx mx[ANSWER_MX_MAX];
		struct answer_tlsa tlsa[ANSWER_TLSA_MAX];
	};
	/* FOUND: the message itself, for answer_texts(); valid as long as the answer is. answer_parse() leaves it NULL. */
	const uint8_t *message;
	size_t message_length;
};

/* What the message of length bytes says to the question (name without a final dot, record). Fills *out whatever is in it. */
void answer_parse(const uint8_t *message, size_t length, const char *name, enum record record,
		  struct answer *out);

/*
 * All TXT records of an answer, each with its strings joined. This is read from the message a second time: few ask for it, and answers,
 * of which there are many, stay small.
 */
#define ANSWER_TEXTS_MAX      64   /* records; large companies have some thirty verifications */
#define ANSWER_TEXT_WHOLE_MAX 4096 /* bytes of one; what is longer is cut */
struct answer_text {
	size_t length;
	bool is_cut;
	uint8_t byte[ANSWER_TEXT_WHOLE_MAX]; /* foreign */
};
struct answer_texts {
	unsigned count;
	bool is_short; /* there were more of them */
	struct answer_text text[ANSWER_TEXTS_MAX];
};
/* name: that of the question. What was no answer has none. */
void answer_texts(const struct answer *a, const char *name, struct answer_texts *out);

/* What an answer to a question for A means; *why as outcome_of_codes() has it, else NULL. */
enum outcome answer_outcome(const struct answer *a, const struct outcome_errors *errors,
			    const char **why);

#endif
