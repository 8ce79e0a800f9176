/* SPDX-License-Identifier: BSD-2-Clause */
/* The sentences of a report, which text, page and JSON share. */
#include "report/proof.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/when.h"
#include "base/words.h"

#define EARLY_DAYS_BEST 7   /* newsletters come each week */
#define WORDS_MAX	400 /* of a because, which the store bounds too (STORE_TEXT_MAX) */

/* How many are told with all that is known of them; who has hundreds left reads a table. */
#define DETAILED_MOST  20
#define DETAILED_LEAST 5
#define DETAILED_SIGNS 2 /* of the three: from the sixth on */

/* Appends. */
__attribute__((format(printf, 2, 3))) static void add(char text[static PROOF_TEXT_MAX],
						      const char *format, ...)
{
	size_t n = strlen(text);
	va_list ap;

	va_start(ap, format);
	vsnprintf(text + n, PROOF_TEXT_MAX - n, format, ap);
	va_end(ap);
}

void proof_headline(const struct proof *p, char text[static PROOF_TEXT_MAX])
{
	text[0] = '\0';
	if (p->refused[1])
		add(text, "%" PRIu64 " connection%s from %u source%s were refused", p->refused[1],
		    plural(p->refused[1]), p->refused_sources[1], plural(p->refused_sources[1]));
	if (p->refused[0])
		add(text, "%s%s would have refused %" PRIu64 " connection%s from %u source%s",
		    text[0] ? "; " : "",
		    text[0] ? "while it was not in force, enforce mode" : "Enforce mode",
		    p->refused[0], plural(p->refused[0]), p->refused_sources[0],
		    plural(p->refused_sources[0]));
	if (text[0])
		return;
	if (!p->watched_from_s)
		add(text, "Nothing was watched: what enforce mode refuses is not known");
	else
		add(text, p->facts.enforcing ? "Nobody was refused"
					     : "Enforce mode would have refused nobody");
}

void proof_watched(const struct proof *p, char text[static PROOF_TEXT_MAX])
{
	char asked[DURATION_TEXT_MAX], seen[DURATION_TEXT_MAX], monitor[DURATION_TEXT_MAX];
	char when[WHEN_TEXT_MAX];
	uint64_t span_s = (uint64_t)(p->facts.now_wall_s - p->facts.since_wall_s);
	uint64_t watched_s = p->watched_s < span_s ? p->watched_s : span_s;

	text[0] = '\0';
	if (!p->watched_from_s) {
		add(text, "nothing was watched in that time: is a controller running?");
		return;
	}
	add(text, "%s of %s, since %s", duration_describe(watched_s, seen),
	    duration_describe(span_s, asked),
	    when_format(p->watched_from_s < p->facts.since_wall_s ? p->facts.since_wall_s
								  : p->watched_from_s,
			when));
	if (p->monitor_s >= p->watched_s)
		add(text, ", in monitor mode");
	else if (!p->monitor_s)
		add(text, ", in enforce mode");
	else
		add(text, ", in monitor mode for %s of it",
		    duration_describe(p->monitor_s, monitor));
}

void proof_log_told(const struct proof *p, char text[static PROOF_TEXT_MAX])
{
	char first[WHEN_TEXT_MAX], last[WHEN_TEXT_MAX];

	text[0] = '\0';
	if (p->log == PROOF_LOG_NONE) {
		add(text, "%s", p->log_why);
		return;
	}
	add(text, "%s", p->log_name);
	if (p->span.first_wall_s)
		add(text, ", from %s to %s, %" PRIu64 " line%s of a mail server",
		    when_format(p->span.first_wall_s, first),
		    when_format(p->span.last_wall_s, last), p->span.understood,
		    plural(p->span.understood));
	else
		add(text, ": no line with a time in it");
	if (p->log_skipped)
		add(text, "; %u rotated file%s could not be read (gzip or plain can)",
		    p->log_skipped, plural(p->log_skipped));
	if (p->log_cut)
		add(text, "; it is too large to be read to its end");
}

void proof_log_blind(const struct proof *p, char text[static PROOF_TEXT_MAX])
{
	text[0] = '\0';
	if (!p->blind_connections)
		return;
	add(text,
	    "Whether %" PRIu64 " connection%s from %u source%s delivered mail cannot be told: ",
	    p->blind_connections, plural(p->blind_connections), p->blind_sources,
	    plural(p->blind_sources));
	if (p->log == PROOF_LOG_NONE)
		add(text, "there is no mail log to look into");
	else if (p->log == PROOF_LOG_STRANGE)
		add(text, "the log has no line of Postfix, Exim or OpenSMTPD");
	else if (p->log_skipped)
		add(text, "the log does not reach so far, or lies in files that could not be read");
	else
		add(text, "the log does not reach so far");
}

void proof_delivered(const struct proof_source *s, char text[static PROOF_TEXT_MAX])
{
	char when[WHEN_TEXT_MAX];
	uint64_t messages = s->messages ? s->messages : s->apart ? s->apart : s->before;

	text[0] = '\0';
	add(text, "%" PRIu64 " message%s", messages, plural(messages));
	if (s->recipients)
		add(text, " to %" PRIu64 " recipient%s", s->recipients, plural(s->recipients));
	if (s->last_wall_s)
		add(text, ", the last %s", when_format(s->last_wall_s, when));
	for (size_t i = 0; i < s->domains && i < PROOF_DOMAINS_SHOWN; i++)
		add(text, "%s%s", i ? ", " : ", from ", s->domain[i]);
	if (s->domains > PROOF_DOMAINS_SHOWN)
		add(text, " and %zu %s", s->domains - PROOF_DOMAINS_SHOWN,
		    s->domains_cut ? "or more others" : "more");
	if (s->messages && s->apart)
		add(text, "; %" PRIu64 " more at other times", s->apart);
	if (s->rejected)
		add(text, "; turned down by the mail server itself %" PRIu64 " time%s", s->rejected,
		    plural(s->rejected));
}

/* By which lists, over which limit: what stands behind the number of connections. */
static void by_whom(const struct proof *p, const struct proof_source *s, unsigned reason,
		    bool acted, char text[static PROOF_TEXT_MAX])
{
	const struct proof_reason *r = &p->reason[reason];
	const char *detail = proof_share_detail_of(p, s, reason, acted);
	const char *lists = s->lists_of[acted] ? s->lists_of[acted] : "";
	const char *feed = s->feed_of[acted];

	switch (r->kind) {
	case PROOF_LIST:
		add(text, "listed");
		for (const char *at = lists; *at; at += strspn(at, " ")) {
			add(text, "%s%.*s", at == lists ? " by " : ", ", (int)strcspn(at, " "), at);
			at += strcspn(at, " ");
		}
		break;
	case PROOF_LIMIT:
		add(text, "over limits.%s", r->name);
		break;
	case PROOF_FEED:
		add(text, "in the feed %s", feed ? feed : "that has no name any more");
		return;
	case PROOF_BAN:
		add(text, "banned for repeated offences");
		break;
	case PROOF_OPERATOR:
		add(text, "by your own rules");
		break;
	case PROOF_ONLY:
		add(text, "not in the port's `only` list");
		break;
	case PROOF_MALFORMED:
		add(text, "malformed (%s)", r->name);
		return;
	}
	if (r->kind != PROOF_LIST && *detail)
		add(text, " (%s)", detail);
}

void proof_refused(const struct proof *p, const struct proof_source *s, bool acted,
		   char text[static PROOF_TEXT_MAX])
{
	uint64_t share[PROOF_REASONS_MAX] = {0};
	unsigned kinds = 0, told = 0;
	bool untold = false;

	text[0] = '\0';
	for (unsigned i = 0; i < p->reasons; i++) {
		share[i] = proof_share(p, s, i, acted);
		kinds += share[i] > 0;
		/* The kernel counts all, and tells of a source only now and then: some have no row. */
		untold =
			untold || (share[i] && !acted &&
				   proof_reason_would(&p->reason[i]) > p->reason[i].connections[0]);
	}
	if (!kinds)
		return;
	add(text, "%s%" PRIu64 " connection%s%s ", untold ? "at least " : "", s->connections[acted],
	    plural(s->connections[acted]), kinds > 1 ? ":" : "");
	for (unsigned i = 0; i < p->reasons; i++) {
		if (!share[i])
			continue;
		if (kinds > 1)
			add(text, "%s%" PRIu64 " ", told++ ? "; " : "", share[i]);
		by_whom(p, s, i, acted, text);
	}
}

void proof_says(const struct proof *p, const struct proof_source *s,
		char text[static PROOF_TEXT_MAX])
{
	text[0] = '\0';
	if (s->says && s->lists && p->reason[s->reason].kind == PROOF_LIST)
		add(text, "%.*s: %s", (int)strcspn(s->lists, " "), s->lists, s->says);
}

/* ---- honest or not ---- */

static const char *joint(const char *text)
{
	return text[0] ? ", " : "";
}

void proof_signs(const struct proof *p, const struct proof_source *s,
		 char favour[static PROOF_TEXT_MAX], char against[static PROOF_TEXT_MAX])
{
	unsigned lists = proof_lists(p, s);
	bool turned_down = s->rejected && !(s->signs & STANDING_LITTLE) && lists <= 1;

	favour[0] = against[0] = '\0';
	if (p->names_told && s->signs & STANDING_NAME)
		add(favour, "a verified name of its own");
	else if (p->names_told)
		add(against, s->generic ? "a name of a range of customers" : "no verified name");
	if (s->signs & STANDING_AGAIN && s->days > 2)
		add(favour, "%smail on %u days", joint(favour), s->days);
	else if (s->signs & STANDING_AGAIN)
		add(favour, "%smail on more than one day", joint(favour));
	else
		add(against, "%smail on one day alone", joint(against));
	if (lists > 1)
		add(against, "%s%u lists name it", joint(against), lists);
	else if (!turned_down)
		add(favour, "%s%s", joint(favour),
		    lists ? "one list alone names it" : "no list names it");
	if (s->rejected && turned_down)
		add(against, "%sthe mail server turns it down", joint(against));
}

/* Of many, those alone for whom something speaks: the order puts them first. */
unsigned proof_detailed(const struct proof *p)
{
	const struct proof_source *s;
	unsigned count = 0;
	size_t at = 0;

	while (count < DETAILED_MOST) {
		s = proof_next(p, PROOF_LEFT, PROOF_PROVIDERS_MAX, &at);
		if (!s || (count >= DETAILED_LEAST && standing_count(s->signs) < DETAILED_SIGNS))
			break;
		count++;
	}
	return count;
}

void proof_others(unsigned count, char text[static PROOF_TEXT_MAX])
{
	text[0] = '\0';
	add(text,
	    "%u more: `postern trust ADDR` settles one that is honest where it is named by lists "
	    "or banned, `postern allow ADDR` all else",
	    count);
}

void proof_by(const struct proof *p, const struct proof_source *s, char text[static PROOF_TEXT_MAX])
{
	unsigned lists = proof_lists(p, s);

	text[0] = '\0';
	if (p->reason[s->reason].kind == PROOF_LIST && lists)
		add(text, "%u list%s", lists, plural(lists));
	else
		add(text, "%s", p->reason[s->reason].name);
}

void proof_suspects(const struct proof *p, char text[static PROOF_TEXT_MAX])
{
	unsigned count = p->count[PROOF_SUSPECT];

	text[0] = '\0';
	add(text,
	    "%u%s delivered mail and look%s like spam: no verified name of %s own, and mail on "
	    "one day alone, or several lists, or turned down by the mail server more often than "
	    "not. Left alone %s refused; `postern trust ADDR` settles one that is honest after "
	    "all where it is named by lists or banned, `postern allow ADDR` all else",
	    count, p->count[PROOF_LEFT] ? " more" : " of these sources", count == 1 ? "s" : "",
	    count == 1 ? "its" : "their", count == 1 ? "it is" : "they are");
}

void proof_provider_tell(const struct proof *p, unsigned i, char text[static PROOF_TEXT_MAX])
{
	const struct proof_provider *of = &p->provider[i];

	text[0] = '\0';
	add(text,
	    "%u of them have names of %s: if you know it as a provider, trust all of it by "
	    "trust_spf in the configuration, for the networks that its SPF record names",
	    of->sources, of->domain);
}

void proof_providers_line(const struct proof *p, char text[static PROOF_TEXT_MAX],
			  char line[static PROOF_LINE_MAX])
{
	size_t n = (size_t)snprintf(line, PROOF_LINE_MAX, "trust_spf = [");
	const struct proof_facts *f = &p->facts;

	for (unsigned i = 0; i < f->trust_spf_count && n < PROOF_LINE_MAX; i++)
		n += (size_t)snprintf(line + n, PROOF_LINE_MAX - n, "\"%s\", ",
				      f->trust_spf[i].text);
	for (unsigned i = 0; i < p->providers && n < PROOF_LINE_MAX; i++)
		n += (size_t)snprintf(line + n, PROOF_LINE_MAX - n, "%s\"%s\"", i ? ", " : "",
				      p->provider[i].domain);
	if (n < PROOF_LINE_MAX)
		snprintf(line + n, PROOF_LINE_MAX - n, "];");
	text[0] = '\0';
	add(text, "In one line of the configuration%s%s:",
	    f->trust_spf_count ? ", in the place of the one that is there" : "",
	    p->providers > 1 ? "; leave out whom you do not know" : "");
}

const char *proof_settled(const struct proof_source *s)
{
	return s->allowed ? "allowed" : s->blocked ? "blocked" : "trusted";
}

/* ---- commands ---- */

/* Only what no shell takes for its own: whoever pastes a command must not paste a stranger's. */
static void word_add(char text[static PROOF_TEXT_MAX], const char *word)
{
	for (; *word && strlen(text) < WORDS_MAX; word++)
		add(text, "%c",
		    isalnum((unsigned char)*word) || strchr(".:/-", *word) ? *word : '_');
}

static void command_make(const struct proof *p, const struct proof_source *s, const char *verb,
			 char command[static PROOF_TEXT_MAX])
{
	const struct proof_reason *r = &p->reason[s->reason];
	uint64_t messages = s->messages ? s->messages : s->apart ? s->apart : s->before;
	char addr[ADDR_TEXT_MAX], zone[STORE_DETAIL_MAX] = "";

	command[0] = '\0';
	add(command, "postern %s %s because ", verb, addr_format(&s->addr, addr));
	if (s->host[0])
		word_add(command, s->host);
	else
		add(command, "it");
	add(command, " delivered %" PRIu64 " message%s", messages, plural(messages));
	if (r->kind == PROOF_LIST && s->lists) {
		snprintf(zone, sizeof(zone), "%.*s", (int)strcspn(s->lists, " "), s->lists);
		add(command, " while ");
		word_add(command, zone);
		add(command, " named it");
	}
}

/* What trust does not lift of all that deliveries fell into, if that was a limit: who is told only half comes again. */
static void limits_mind(const struct proof *p, const struct proof_source *s,
			char advice[static PROOF_TEXT_MAX])
{
	for (unsigned i = 0; i < p->reasons; i++) {
		const char *detail = proof_share_detail(p, s, i);

		if (p->reason[i].kind != PROOF_LIMIT || !(s->hit >> i & 1))
			continue;
		add(advice, "%s limits.%s%s%s in the configuration",
		    advice[0] ? ", and"
			      : "it was over a limit as well, which trust does not lift: raise",
		    p->reason[i].name, *detail ? " above " : "", detail);
	}
}

void proof_advice(const struct proof *p, const struct proof_source *s,
		  char command[static PROOF_TEXT_MAX], char advice[static PROOF_TEXT_MAX])
{
	const struct proof_reason *r = &p->reason[s->reason];
	const char *detail;
	char addr[ADDR_TEXT_MAX];

	command[0] = advice[0] = '\0';
	switch (r->kind) {
	case PROOF_LIST:
		limits_mind(p, s, advice);
		command_make(p, s, "trust", command);
		break;
	case PROOF_LIMIT:
		detail = proof_share_detail(p, s, s->reason);
		add(advice,
		    "trust does not lift a limit: raise limits.%s%s%s in the configuration, as a "
		    "report since then will show, or never judge this source",
		    r->name, *detail ? " above " : "", detail);
		command_make(p, s, "allow", command);
		break;
	case PROOF_FEED:
		add(advice,
		    "trust does not lift a feed: have it taken out of the feed%s%s, as a report "
		    "since then will show, or never judge it",
		    s->feed ? " " : "", s->feed ? s->feed : "");
		command_make(p, s, "allow", command);
		break;
	case PROOF_BAN:
		limits_mind(p, s, advice);
		if (!advice[0])
			add(advice,
			    "trust lifts the ban, and not the limit that it may have offended "
			    "against: `postern why %s` tells which",
			    addr_format(&s->addr, addr));
		command_make(p, s, "trust", command);
		break;
	case PROOF_ONLY:
		add(advice,
		    "the port is open to its `only` list alone: let it stand there, as a report "
		    "since then will show, or never "
		    "judge this source");
		command_make(p, s, "allow", command);
		break;
	case PROOF_OPERATOR:
		add(advice, "your own rule: `postern why %s` tells which",
		    addr_format(&s->addr, addr));
		break;
	case PROOF_MALFORMED:
		add(advice, "its packets are such as no honest host sends: something on the way "
			    "makes them, and no rule lifts this");
		break;
	}
}

static void early_tell(const struct proof *p, char text[static PROOF_TEXT_MAX])
{
	char seen[DURATION_TEXT_MAX], least[DURATION_TEXT_MAX];

	if (!p->watched_from_s) {
		add(text, "Nothing follows from this: run `postern run`, or start the service, and "
			  "ask again after some days");
		return;
	}
	add(text,
	    "Nothing is left to explain so far, but it is too early to enforce: %s and %" PRIu64
	    " connection%s were seen. %s and %d connections are the least from which "
	    "something follows, since mail has habits of the day; %d days are better, since it has "
	    "habits of the week",
	    duration_describe(p->watched_s, seen), p->all, plural(p->all),
	    duration_describe(PROOF_EARLY_S, least), PROOF_EARLY_CONNECTIONS, EARLY_DAYS_BEST);
}

/* For how long the log could tell, in whole hours. */
static void covered_tell(const struct proof *p, char text[static PROOF_TEXT_MAX])
{
	int64_t hours = (p->facts.now_wall_s - p->span.first_wall_s) / (int64_t)HOUR_S;

	if (p->log == PROOF_LOG_READ && !p->blind_late && !p->log_skipped && hours > 0)
		add(text,
		    ", or ask for no more than this one does: `postern report since %" PRId64 "h`",
		    hours);
}

void proof_closing(const struct proof *p, char text[static PROOF_TEXT_MAX],
		   char first[static PROOF_TEXT_MAX], char then[static PROOF_TEXT_MAX])
{
	unsigned left = p->count[PROOF_LEFT];

	text[0] = first[0] = then[0] = '\0';
	switch (p->verdict) {
	case PROOF_EXPLAIN:
		add(text,
		    "%u source%s %s left to explain: settle each that is honest by its command, "
		    "each "
		    "other one by `postern block ADDR for 30d with reply`, and run the report "
		    "again%s",
		    left, plural(left), left == 1 ? "is" : "are",
		    p->facts.enforcing ? "" : " before you enforce");
		break;
	case PROOF_BLIND:
		add(text, "%s: name a log in mail_log that covers the time",
		    p->facts.enforcing ? "This proves nothing"
				       : "This is no proof, do not enforce on it");
		covered_tell(p, text);
		break;
	case PROOF_EARLY:
		early_tell(p, text);
		break;
	case PROOF_READY:
		if (p->facts.enforcing) {
			add(text, "Nothing is left to explain: %s",
			    p->count[PROOF_SUSPECT]
				    ? "those that deliver mail and would be refused all look like "
				      "spam"
			    : p->count[PROOF_SETTLED]
				    ? "those that were refused and delivered mail are settled"
				    : "no source that was refused is known to have delivered "
				      "mail");
			break;
		}
		add(text,
		    "Nothing is left to explain%s. Enforce for an hour, which ends by itself, and "
		    "then for good",
		    p->count[PROOF_SUSPECT] ? " but the table of what looks like spam: read it once"
					    : "");
		add(first, "postern enforce for 1h");
		add(then, "postern enforce");
		break;
	}
}
