/* SPDX-License-Identifier: BSD-2-Clause */
/* Who listens on this host, against what a mail host needs: the check of ports from within. */
#include "audit/check.h"

#include <string.h>

#include "audit/local_inside.h"
#include "base/json.h"

enum need {
	NEED_MAIL,  /* what a mail host is for */
	NEED_KEEP,  /* by which it is kept: an administrator's way in */
	NEED_ELSE,  /* better on another host */
	NEED_NEVER, /* nothing that strangers should reach, anywhere */
};

struct service {
	uint16_t port;
	bool udp;
	enum need need;
	const char *name;
};

static const struct service services[] = {
	{25, false, NEED_MAIL, "SMTP"},
	{110, false, NEED_MAIL, "POP3"},
	{143, false, NEED_MAIL, "IMAP"},
	{465, false, NEED_MAIL, "submission"},
	{587, false, NEED_MAIL, "submission"},
	{993, false, NEED_MAIL, "IMAPS"},
	{995, false, NEED_MAIL, "POP3S"},
	{4190, false, NEED_MAIL, "ManageSieve"},
	{22, false, NEED_KEEP, "SSH"},
	{20, false, NEED_ELSE, "FTP"},
	{21, false, NEED_ELSE, "FTP"},
	{23, false, NEED_NEVER, "Telnet"},
	{53, false, NEED_ELSE, "DNS"},
	{53, true, NEED_ELSE, "DNS"},
	{69, true, NEED_NEVER, "TFTP"},
	{80, false, NEED_ELSE, "web"},
	{111, false, NEED_NEVER, "RPC"},
	{111, true, NEED_NEVER, "RPC"},
	{137, true, NEED_NEVER, "NetBIOS"},
	{138, true, NEED_NEVER, "NetBIOS"},
	{139, false, NEED_NEVER, "file sharing"},
	{161, true, NEED_NEVER, "SNMP"},
	{389, false, NEED_NEVER, "LDAP"},
	{443, false, NEED_ELSE, "web"},
	{445, false, NEED_NEVER, "file sharing"},
	{512, false, NEED_NEVER, "rexec"},
	{513, false, NEED_NEVER, "rlogin"},
	{514, false, NEED_NEVER, "rsh"},
	{873, false, NEED_NEVER, "rsync"},
	{2049, false, NEED_NEVER, "NFS"},
	{3306, false, NEED_NEVER, "MySQL"},
	{3389, false, NEED_NEVER, "remote desktop"},
	{5432, false, NEED_NEVER, "PostgreSQL"},
	{5900, false, NEED_NEVER, "VNC"},
	{6379, false, NEED_NEVER, "Redis"},
	{8080, false, NEED_ELSE, "web"},
	{9200, false, NEED_NEVER, "Elasticsearch"},
	{11211, false, NEED_NEVER, "memcached"},
	{11211, true, NEED_NEVER, "memcached"},
	{11332, false, NEED_NEVER, "rspamd"},
	{11333, false, NEED_NEVER, "rspamd"},
	{11334, false, NEED_NEVER, "rspamd"},
	{27017, false, NEED_NEVER, "MongoDB"},
	{3310, false, NEED_NEVER, "clamd"},
	{783, false, NEED_NEVER, "SpamAssassin"},
	{10024, false, NEED_NEVER, "amavis"},
};

/* UDP has no listeners: a port that is not in the table may be a client's. */
static const struct service *service_of(const struct local_listener *one)
{
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (services[i].port == one->port && services[i].udp == one->udp)
			return &services[i];
	return NULL;
}

static bool is_reached(const struct local_listener *one)
{
	struct prefix loopback, self;

	return !(prefix_parse("127.0.0.0/8", &loopback, NULL) == 0 &&
		 prefix_has(&loopback, &one->addr)) &&
	       !(prefix_parse("::1", &self, NULL) == 0 && prefix_has(&self, &one->addr));
}

static void listener_prove(struct finding *f, const struct local_listener *one)
{
	char text[ADDR_TEXT_MAX], owner[LOCAL_COMM_MAX * 4];
	bool is_v4 = addr_is_v4(&one->addr);

	text_escape(one->owner, strlen(one->owner), owner, sizeof(owner));
	finding_prove(f, "%s %s%s%s:%u%s%s", one->udp ? "udp" : "tcp", is_v4 ? "" : "[",
		      addr_format(&one->addr, text), is_v4 ? "" : "]", one->port,
		      owner[0] ? " " : "", owner);
}

/* One finding for each service, with all its sockets; those before this one have been told. */
static bool is_told(const struct seen_local *local, size_t upto)
{
	const struct local_listener *one = &local->listener[upto];

	for (size_t i = 0; i < upto; i++)
		if (local->listener[i].port == one->port && local->listener[i].udp == one->udp &&
		    is_reached(&local->listener[i]))
			return true;
	return false;
}

static void service_say(const struct look *l, const struct seen_local *local, size_t at)
{
	const struct local_listener *one = &local->listener[at];
	const struct service *s = service_of(one);
	bool is_bad = s && s->need == NEED_NEVER;
	struct finding *f = LOOK_ADD(l, "listeners", is_bad ? AUDIT_FAIL : AUDIT_WARN, NULL);

	f->port = one->port;
	if (!is_bad)
		f->severity = SEVERITY_LOW;
	finding_say(f,
		    is_bad ? "%s listens on more than this host itself"
			   : "%s listens here, which a mail host does not need",
		    s ? s->name : "a service that is no mail service");
	for (size_t i = at; i < local->listener_count; i++)
		if (local->listener[i].port == one->port && local->listener[i].udp == one->udp &&
		    is_reached(&local->listener[i]))
			listener_prove(f, &local->listener[i]);
}

CHECK_LOCAL(check_ports_local)
{
	bool is_fine = true;

	if (local->listeners.code < 0) {
		finding_say(LOOK_ADD(l, "listeners", AUDIT_INCONCLUSIVE, NULL),
			    "who listens here could not be read: %s", local->listeners.why);
		return;
	}
	for (size_t i = 0; i < local->listener_count; i++) {
		const struct local_listener *one = &local->listener[i];
		const struct service *s = service_of(one);

		if (!is_reached(one) || (!s && one->udp) || (s && s->need <= NEED_KEEP) ||
		    is_told(local, i))
			continue;
		service_say(l, local, i);
		is_fine = false;
	}
	if (is_fine)
		finding_say(LOOK_ADD(l, "listeners", AUDIT_PASS, NULL),
			    "nothing but mail services and SSH listens here for others");
}
