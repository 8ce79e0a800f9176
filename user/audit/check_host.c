/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks of the host itself: packages, people, scanners, logs. What was not found may be elsewhere, and that is said. */
#include "audit/check.h"

#include <errno.h>
#include <string.h>

#include "audit/local_inside.h"
#include "base/json.h"
#include "base/when.h"
#include "base/words.h"

#define LISTS_OLD_S	 (7 * DAY_S)  /* package lists; unattended upgrades fetch them daily */
#define SIGNATURES_OLD_S (3 * DAY_S)  /* ClamAV publishes daily */
#define RULES_OLD_S	 (30 * DAY_S) /* SpamAssassin's updates come in weeks without one too */
#define ADMINS_FEW	 3

/* Whole days, for people. */
static unsigned days(int64_t s)
{
	return (unsigned)(s / DAY_S);
}

/* ---- patches ---- */

CHECK_LOCAL(check_patches_local)
{
	int64_t age_s = local->at_s - local->age.package_lists_s;
	struct finding *f;

	if (local->packages.code < 0) {
		f = LOOK_ADD(l, "packages", AUDIT_INCONCLUSIVE, NULL);
		if (local->packages.code == -ENOENT || local->packages.code == -ENODATA)
			finding_say(f, "whether packages are up to date is known only with apt(8)");
		else
			finding_say(f, "which packages are old could not be read: %s",
				    local->packages.why);
		return;
	}
	if (local->package_count) {
		f = LOOK_ADD(l, "packages", AUDIT_FAIL, NULL);
		finding_say(f, "%zu package%s of the mail system %s behind", local->package_count,
			    plural(local->package_count),
			    local->package_count == 1 ? "lags" : "lag");
		for (size_t i = 0; i < local->package_count; i++)
			finding_prove(f, "%s %s: %s is out", local->package[i].name,
				      local->package[i].from, local->package[i].to);
		return;
	}
	if (!local->age.package_lists_s || age_s > LISTS_OLD_S) {
		f = LOOK_ADD(l, "packages", AUDIT_INCONCLUSIVE, NULL);
		if (local->age.package_lists_s)
			finding_say(f, "the package lists are %u days old: `apt update` first",
				    days(age_s));
		else
			finding_say(f, "there are no package lists: `apt update` first");
		return;
	}
	finding_say(LOOK_ADD(l, "packages", AUDIT_PASS, NULL),
		    "every package of the mail system is as new as the package lists, which are %u "
		    "days old",
		    days(age_s));
}

/* ---- people ---- */

static void users_prove(struct finding *f, const struct seen_local *local, bool admins)
{
	for (size_t i = 0; i < local->user_count; i++)
		if (local->user[i].is_admin == admins)
			finding_prove(f, "%s (%u) %s", local->user[i].name, local->user[i].uid,
				      local->user[i].shell);
}

CHECK_LOCAL(check_users)
{
	unsigned admins = 0, people = 0, roots = 0;
	struct finding *f;

	if (local->users.code < 0) {
		finding_say(LOOK_ADD(l, NULL, AUDIT_INCONCLUSIVE, NULL),
			    "/etc/passwd could not be read: %s", local->users.why);
		return;
	}
	for (size_t i = 0; i < local->user_count; i++) {
		roots += local->user[i].uid == 0;
		admins += local->user[i].is_admin;
		people += !local->user[i].is_admin;
	}
	if (roots > 1) {
		f = LOOK_ADD(l, "root", AUDIT_FAIL, NULL);
		f->severity = SEVERITY_HIGH;
		finding_say(f, "%u accounts are root", roots);
		users_prove(f, local, true);
	}
	if (admins > ADMINS_FEW) {
		f = LOOK_ADD(l, "administrators", AUDIT_WARN, NULL);
		finding_say(f, "%u accounts may become root", admins);
		users_prove(f, local, true);
	}
	if (people) {
		f = LOOK_ADD(l, "interactive", AUDIT_FAIL, NULL);
		finding_say(f, "%u account%s of people who are no administrators may log in",
			    people, plural(people));
		users_prove(f, local, false);
		return;
	}
	f = LOOK_ADD(l, NULL, AUDIT_PASS, NULL);
	finding_say(f, "nobody may log in but %u administrator%s", admins, plural(admins));
	users_prove(f, local, true);
}

/* ---- scanners ---- */

/* Is mail handed to a filter that may be anywhere? */
static const char *filter_of(const struct seen_local *local, const char **name)
{
	static const char *const settings[] = {"content_filter", "smtpd_milters",
					       "smtpd_proxy_filter"};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		const char *value = local_setting_find(local, SERVER_POSTFIX, settings[i]);

		*name = settings[i];
		if (value && value[0])
			return value;
	}
	return NULL;
}

static void absent_say(const struct look *l, const struct seen_local *local, const char *what)
{
	char shown[FINDING_TEXT_MAX / 2];
	const char *name, *filter = filter_of(local, &name);
	struct finding *f;

	if (local->processes.code < 0) {
		finding_say(LOOK_ADD(l, NULL, AUDIT_INCONCLUSIVE, NULL),
			    "the processes of this host could not be read: %s",
			    strerror(-local->processes.code));
		return;
	}
	if (!filter) {
		finding_say(LOOK_ADD(l, NULL, AUDIT_FAIL, NULL), "no %s runs here", what);
		return;
	}
	f = LOOK_ADD(l, NULL, AUDIT_INCONCLUSIVE, NULL);
	finding_say(f, "no %s runs here, but mail passes through a filter that may be one", what);
	finding_prove(f, "%s = %s", name,
		      text_escape(filter, strlen(filter), shown, sizeof(shown)));
}

/* changed_s: when it was brought up to date; 0: unknown. */
static void freshness_say(const struct look *l, const struct seen_local *local, const char *who,
			  const char *what, int64_t changed_s, int64_t old_s)
{
	int64_t age_s = local->at_s - changed_s;
	bool is_old = changed_s && age_s > old_s;
	struct finding *f = LOOK_ADD(l, NULL,
				     !changed_s ? AUDIT_INCONCLUSIVE
				     : is_old	? AUDIT_FAIL
						: AUDIT_PASS,
				     NULL);

	if (!changed_s)
		finding_say(f, "%s runs; the age of its %s is not known", who, what);
	else
		finding_say(f, "%s runs; its %s are %u days old", who, what, days(age_s));
}

CHECK_LOCAL(check_antivirus)
{
	if (local_runs(local, "clamd") || local_runs(local, "clamav-milter"))
		freshness_say(l, local, "ClamAV", "signatures", local->age.clamav_s,
			      SIGNATURES_OLD_S);
	/* It calls a scanner as it is told, most often ClamAV's. */
	else if (local_runs(local, "amavi") || local_runs(local, "/usr/sbin/amavi"))
		freshness_say(l, local, "amavis", "scanner's signatures", local->age.clamav_s,
			      SIGNATURES_OLD_S);
	else
		absent_say(l, local, "virus scanner (clamd, amavis)");
}

CHECK_LOCAL(check_antispam)
{
	/* Its rules come with the program, and its maps over the network while it runs. */
	if (local_runs(local, "rspamd"))
		finding_say(LOOK_ADD(l, NULL, AUDIT_PASS, NULL),
			    "rspamd runs, which fetches its maps by itself");
	else if (local_runs(local, "spamd"))
		freshness_say(l, local, "SpamAssassin", "rules", local->age.spamassassin_s,
			      RULES_OLD_S);
	else if (local_runs(local, "amavi") || local_runs(local, "/usr/sbin/amavi"))
		freshness_say(l, local, "amavis", "SpamAssassin rules", local->age.spamassassin_s,
			      RULES_OLD_S);
	else
		absent_say(l, local, "spam filter (rspamd, SpamAssassin, amavis)");
}

/* ---- logs ---- */

static void clock_check(const struct look *l, const struct seen_local *local)
{
	static const char *const keepers[] = {"chronyd", "ntpd", "systemd-timesyn", "openntpd"};
	const char *keeper = NULL;
	struct finding *f;

	for (size_t i = 0; i < sizeof(keepers) / sizeof(keepers[0]); i++)
		if (local_runs(local, keepers[i]))
			keeper = keepers[i];
	if (local->clock == LOCAL_CLOCK_SYNCHRONISED) {
		finding_say(LOOK_ADD(l, "clock", AUDIT_PASS, NULL), "the clock is synchronised");
		return;
	}
	f = LOOK_ADD(l, "clock",
		     local->clock == LOCAL_CLOCK_FREE && !keeper ? AUDIT_FAIL : AUDIT_INCONCLUSIVE,
		     NULL);
	if (local->clock == LOCAL_CLOCK_UNKNOWN)
		finding_say(f, "whether the clock is synchronised could not be asked");
	else if (keeper)
		/* Some set the clock without telling the kernel that it is true. */
		finding_say(f, "%s runs, and the kernel does not know yet that its clock is true",
			    keeper);
	else
		finding_say(f, "nothing keeps the clock true: the times in the log mean little");
}

CHECK_LOCAL(check_logging)
{
	struct finding *f;

	if (local->remote_log[0]) {
		f = LOOK_ADD(l, "remote", AUDIT_PASS, NULL);
		finding_say(f, "logs go to another host too");
		finding_prove(f, "%s", local->remote_log);
	} else if (!local->has_logger && !local_runs(local, "systemd-journal")) {
		finding_say(LOOK_ADD(l, "remote", AUDIT_INCONCLUSIVE, NULL),
			    "no configuration of rsyslog, syslog-ng or the journal was found");
	} else {
		finding_say(LOOK_ADD(l, "remote", AUDIT_FAIL, NULL),
			    "logs stay on this host: whoever gets in can change them");
	}
	clock_check(l, local);
}
