/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one answer to RCPT says about relaying. Codes alone do not tell: Postfix refuses to relay with 454 4.7.1 until it has been told
 * otherwise, others greylist with the same; 550 5.7.1 is a relay refusal, a block list, or a policy. So the words decide, and codes where
 * the words are unknown. Rows are tried in order: what speaks of the client or of greylisting comes before what speaks of relaying, since
 * "open relay" stands in many a block list's text.
 */
#include "audit/relay.h"

#include <ctype.h>
#include <string.h>

#define WORDS_MAX 1024 /* bytes of a refusal that are read: more is no refusal for people */

struct phrase {
	const char *text; /* lower case */
	enum relay_word word;
	const char *why;
};

#define DENIED	  RELAY_DENIED, "relaying denied"
#define AUTH	  RELAY_DENIED, "authentication required"
#define CLIENT	  RELAY_OTHERWISE, "our address is blocked"
#define GREY	  RELAY_OTHERWISE, "greylisted"
#define NULL_MX	  RELAY_DOMAIN_WORD, "the foreign domain takes no mail"
#define DNS_WORD  RELAY_DOMAIN_WORD, "the foreign domain was looked up in vain"
#define TLS_WORD  RELAY_OTHERWISE, "TLS required"
#define BUSY	  RELAY_OTHERWISE, "busy"
#define HELO_WORD RELAY_OTHERWISE, "our HELO name"
#define SENDER	  RELAY_SENDER_WORD, "sender refused"
/* Exim says so of a sender as of a recipient that it could not verify. */
#define TEMPORARY RELAY_OTHERWISE, RELAY_WHY_TEMPORARY
#define SYNTAX	  RELAY_SYNTAX, "not taken for an address"
#define UNKNOWN	  RELAY_UNKNOWN, RELAY_WHY_UNKNOWN

static const struct phrase phrases[] = {
	/* qmail, netqmail, s/qmail: before "listed", since theirs is "isn't in my list" */
	{"rcpthosts", DENIED},
	{"not in my list of allowed", DENIED},
	/* Who we are */
	{"blocked using", CLIENT},
	{"listed by", CLIENT},
	{"listed at", CLIENT},
	{"listed on", CLIENT},
	{"blacklist", CLIENT},
	{"blocklist", CLIENT},
	{"block list", CLIENT},
	{"black list", CLIENT},
	{"spamhaus", CLIENT},
	{"spamcop", CLIENT},
	{"client host rejected", CLIENT},
	{"access denied. ip name lookup", CLIENT},
	{"cannot find your hostname", CLIENT},
	{"cannot find your reverse hostname", CLIENT},
	{"reverse dns", CLIENT},
	{"bad reputation", CLIENT},
	{"poor reputation", CLIENT},
	{"helo command rejected", HELO_WORD},
	{"greylist", GREY},
	{"graylist", GREY},
	{"grey-list", GREY},
	{"grey listed", GREY},
	{"postgrey", GREY},
	{"defer_if_", GREY},
	/* Before the words on null MX and unknown domains, which follow it where they are the sender's. */
	{"sender address rejected", SENDER},
	{"nullmx", NULL_MX},
	{"null mx", NULL_MX},
	{"domain does not accept mail", NULL_MX},
	{"no smtp service", NULL_MX},
	{"starttls", TLS_WORD},
	{"encryption required", TLS_WORD},
	{"too many", BUSY},
	{"insufficient system", BUSY},
	{"queue file write error", BUSY},
	{"temporary local problem", TEMPORARY},
	{"server configuration", BUSY},
	/* Relaying: Postfix, Sendmail, Exim, Courier, Exchange, hMailServer, CommuniGate, Domino, MDaemon, Haraka, James, MailEnable... */
	{"relay access denied", DENIED},
	{"relaying denied", DENIED},
	{"relay denied", DENIED},
	{"relay is denied", DENIED},
	{"relaying is denied", DENIED},
	{"relay not permitted", DENIED},
	{"relaying not permitted", DENIED},
	{"relay not allowed", DENIED},
	{"relaying not allowed", DENIED},
	{"relaying is not", DENIED},
	{"relay prohibited", DENIED},
	{"relaying prohibited", DENIED},
	{"relaying is prohibited", DENIED},
	{"relaying temporarily denied", DENIED},
	{"relaying blocked", DENIED},
	{"relay operation rejected", DENIED},
	{"relay rejected", DENIED},
	{"unable to relay", DENIED},
	{"unauthorized relay", DENIED},
	{"permitted to relay", DENIED},
	{"allowed to relay", DENIED},
	{"authorized to relay", DENIED},
	{"authorised to relay", DENIED},
	{"not relay", DENIED},
	{"'t relay", DENIED},
	{"no relay", DENIED},
	{"not an open relay", DENIED},
	{"will not accept mail for", DENIED},
	{"recipient in non-accepted domain", DENIED},
	{"only accept mail for", DENIED},
	{"not accept mail for this domain", DENIED},
	{"not a local domain", DENIED},
	{"not local domain", DENIED},
	{"domain is not hosted", DENIED},
	{"domain not hosted", DENIED},
	{"domain not local", DENIED},
	{"user not local", DENIED},
	{"not our customer", DENIED},
	{"not our domain", DENIED},
	{"not one of our domains", DENIED},
	{"domain isn't allowed", DENIED},
	{"domain not in", DENIED},
	{"source routing", DENIED},
	{"we do not accept", DENIED},
	{"cannot deliver mail for", DENIED},
	{"delivery is not allowed", DENIED},
	/* OpenSMTPD says so of all that no rule matches, a stranger's domain too. */
	{"invalid recipient", DENIED},
	{"must be authenticated", AUTH},
	{"authentication required", AUTH},
	{"authentication is required", AUTH},
	{"requires authentication", AUTH},
	{"must authenticate", AUTH},
	{"smtp auth", AUTH},
	{"not authenticated", AUTH},
	{"authenticate first", AUTH},
	{"need to authenticate", AUTH},
	{"not logged in", AUTH},
	{"authorization required", AUTH},
	/* The sender */
	{"sender rejected", SENDER},
	{"sender denied", SENDER},
	{"sender verify", SENDER},
	{"sender domain", SENDER},
	{"sender address", SENDER},
	{"invalid sender", SENDER},
	{"bad sender", SENDER},
	{"unverifiable sender", SENDER},
	{"verify sender", SENDER},
	{"domain of sender", SENDER},
	{"return path", SENDER},
	{"return-path", SENDER},
	{"mail from", SENDER},
	{"envelope from", SENDER},
	{"envelope sender", SENDER},
	{"bounce messages", SENDER},
	{"null sender", SENDER},
	{"spf ", SENDER},
	{"dmarc", SENDER},
	/* Its form */
	{"syntax", SYNTAX},
	{"malformed", SYNTAX},
	{"must contain a domain", SYNTAX},
	{"domain missing", SYNTAX},
	{"domain literal", SYNTAX},
	{"unqualified", SYNTAX},
	{"restricted characters", SYNTAX},
	{"bad recipient address", SYNTAX},
	{"bad destination address", SYNTAX},
	{"invalid address", SYNTAX},
	{"invalid character", SYNTAX},
	{"illegal address", SYNTAX},
	{"fully-qualified", SYNTAX},
	{"fully qualified", SYNTAX},
	{"route address", SYNTAX},
	{"source route", SYNTAX},
	{"colon required", SYNTAX},
	{"unknown uucp", SYNTAX}, /* Courier */
	{"hostname required", SYNTAX},
	{"domain name required", SYNTAX},
	{"cannot be parsed", SYNTAX},
	{"unparseable", SYNTAX},
	/* Nobody of this name; of a foreign domain that would be more than it can know */
	{"user unknown", UNKNOWN},
	{"unknown user", UNKNOWN},
	{"unknown recipient", UNKNOWN},
	{"recipient unknown", UNKNOWN},
	{"unknown in local", UNKNOWN},
	{"unknown in virtual", UNKNOWN},
	{"unknown in relay", DENIED},
	{"no such user", UNKNOWN},
	{"no such recipient", UNKNOWN},
	{"no such mailbox", UNKNOWN},
	{"no such person", UNKNOWN},
	{"no mailbox here", UNKNOWN},
	{"mailbox unavailable", UNKNOWN},
	{"mailbox not found", UNKNOWN},
	{"recipient not found", UNKNOWN},
	{"does not exist", UNKNOWN},
	{"doesn't exist", UNKNOWN},
	{"domain not found", DNS_WORD},
	{"host not found", DNS_WORD},
	/* Exim says so of a user as of a domain. */
	{"unrouteable", RELAY_UNKNOWN, "not routed"},
	{"unroutable", RELAY_UNKNOWN, "not routed"},
	{"host unknown", DNS_WORD},
	{"unable to verify", DNS_WORD},
	{"could not complete recipient verify", DNS_WORD},
};

/* Lower case, one space for all white space, and without what stands in angle brackets: that is our own address, said back. */
static void words_of(const struct response *r, char out[static WORDS_MAX])
{
	size_t length = 0;
	bool is_address = false;

	for (const char *c = r->text; c && *c && length + 1 < WORDS_MAX; c++) {
		char one = isspace((unsigned char)*c) ? ' ' : (char)tolower((unsigned char)*c);

		if (one == '<' && strchr(c, '>'))
			is_address = true;
		if (!is_address && !(one == ' ' && length && out[length - 1] == ' '))
			out[length++] = one;
		if (one == '>')
			is_address = false;
	}
	out[length] = 0;
}

static bool is_enhanced(const struct response *r, unsigned subject, unsigned detail)
{
	return r->has_enhanced && r->enhanced[1] == subject && r->enhanced[2] == detail;
}

/* RFC 3463, 3; RFC 5321, 4.2.3; Exchange has its own details above 5.7.50 (5.7.54: relay). */
static enum relay_word judge_code(const struct response *r, const char **why)
{
	*why = "unknown reason";
	if (r->kind != RESPONSE_NEGATIVE)
		return RELAY_OTHERWISE;
	/* RFC 7505, 4.2 */
	if (is_enhanced(r, 1, 10)) {
		*why = "the foreign domain takes no mail";
		return RELAY_DOMAIN_WORD;
	}
	if (is_enhanced(r, 7, 27)) {
		*why = "sender refused";
		return RELAY_SENDER_WORD;
	}
	if (is_enhanced(r, 7, 1) || is_enhanced(r, 7, 54) || r->code == 551 || r->code == 571) {
		*why = "relaying denied";
		return RELAY_DENIED;
	}
	if (r->code == 530 && is_enhanced(r, 7, 0)) {
		*why = "authentication required";
		return RELAY_DENIED;
	}
	if (is_enhanced(r, 1, 1) || is_enhanced(r, 1, 6)) {
		*why = RELAY_WHY_UNKNOWN;
		return RELAY_UNKNOWN;
	}
	if (is_enhanced(r, 1, 7) || is_enhanced(r, 1, 8)) {
		*why = "sender refused";
		return RELAY_SENDER_WORD;
	}
	if (r->code == 501 || is_enhanced(r, 1, 3) || is_enhanced(r, 5, 2) ||
	    is_enhanced(r, 5, 4)) {
		*why = "not taken for an address";
		return RELAY_SYNTAX;
	}
	return RELAY_OTHERWISE;
}

/* What is put off is not refused for good, except Postfix's and Sendmail's relay refusals, which are 4xx until somebody says otherwise. */
static bool is_put_off(const struct response *r, enum relay_word word)
{
	return r->kind == RESPONSE_TRANSIENT && word != RELAY_DENIED && word != RELAY_SENDER_WORD &&
	       word != RELAY_DOMAIN_WORD;
}

enum relay_word relay_judge_why(const struct response *r, const char **why)
{
	bool has_letter[UINT8_MAX + 1] = {0};
	char words[WORDS_MAX];

	*why = "no answer";
	if (r->kind == RESPONSE_NONE)
		return RELAY_NO_WORD;
	*why = "accepted";
	/* RFC 5321, 3.5.3: 252 too says that it will be taken and tried. */
	if (r->kind == RESPONSE_POSITIVE)
		return RELAY_ACCEPTED;
	*why = "closing";
	if (r->code == 421)
		return RELAY_OTHERWISE;
	words_of(r, words);
	for (const char *c = words; *c; c++)
		has_letter[(unsigned char)*c] = true;
	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		/* By their first letter most are ruled out without a search. */
		if (!has_letter[(unsigned char)phrases[i].text[0]] ||
		    !strstr(words, phrases[i].text))
			continue;
		*why = phrases[i].why;
		if (!is_put_off(r, phrases[i].word))
			return phrases[i].word;
		if (phrases[i].word != RELAY_OTHERWISE)
			*why = "put off";
		return RELAY_OTHERWISE;
	}
	return judge_code(r, why);
}

enum relay_word relay_judge(const struct response *r)
{
	const char *why;

	return relay_judge_why(r, &why);
}
