/* SPDX-License-Identifier: BSD-2-Clause */
/* By which name servers are greeted and which domain is foreign to them, against a name server in the same event loop. */
#include "audit/audit_name.h"
#include "unit/dns_rig.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TIMEOUT_MS   300

static const struct rig_row rows[] = {
	{"vm.ours.test", RECORD_A, "198.51.100.7"},
	{"null.ours.test", RECORD_MX, "0 ."},
	{"null.ours.test", RECORD_A, "198.51.100.7"},
	{"slow.ours.test", RECORD_A, "!servfail"},
	{"7.100.51.198.in-addr.arpa", RECORD_PTR, "ptr.ours.test"},
	{"ptr.ours.test", RECORD_A, "198.51.100.7"},
	{"8.100.51.198.in-addr.arpa", RECORD_PTR, "liar.test"},
	{"9.100.51.198.in-addr.arpa", RECORD_PTR, "out.full.test"},
	{"out.full.test", RECORD_A, "198.51.100.9"},
};

static struct rig rig;
static unsigned told;

static void named(void *context)
{
	(void)context;
	told++;
	loop_stop(rig.loop);
}

TEST(names_are_ours_and_exist_or_there_are_none)
{
	static const struct {
		const char *sentence, *helo, *foreign, *mailbox, *host_name, *from, *wants_helo,
			*wants_foreign, *wants_next;
		bool by_namespace;
	} cases[] = {
		{"what the operator says counts", "a.test", "b.test", "", "vm.ours.test",
		 "198.51.100.7", "a.test", "b.test", "", false},
		{"this host's name, which exists", "", "", "", "vm.ours.test", "198.51.100.7",
		 "vm.ours.test", "vm.ours.test", "example.com", false},
		{"it does not: that which leads to our address and back", "", "", "",
		 "vm.localdomain", "198.51.100.7", "ptr.ours.test", "ptr.ours.test", "example.com",
		 false},
		{"no name at all, but the address has one", "", "", "", "", "198.51.100.7",
		 "ptr.ours.test", "ptr.ours.test", "example.com", false},
		{"one that does not lead back is none", "", "", "", "", "198.51.100.8", "",
		 "example.com", "", false},
		{"nothing", "", "", "", "vm.localdomain", "198.51.100.6", "", "example.com", "",
		 false},
		{"from a namespace the address is another", "", "", "", "", "198.51.100.7", "",
		 "example.com", "", true},
		{"a name that could not be asked for is likely", "", "", "", "slow.ours.test",
		 "198.51.100.6", "slow.ours.test", "example.com", "", false},
		{"one that takes no mail greets, and is no foreign domain", "", "", "",
		 "null.ours.test", "198.51.100.6", "null.ours.test", "example.com", "", false},
		{"one of the audited owner is not foreign", "", "", "", "", "198.51.100.9",
		 "out.full.test", "example.com", "", false},
		{"nor is that of the mailbox", "", "", "inbox@ours.test", "vm.ours.test",
		 "198.51.100.7", "vm.ours.test", "example.com", "", false},
		{"a name that was given is looked up before it is a domain", "gone.ours.test", "",
		 "", "", "198.51.100.7", "gone.ours.test", "example.com", "", false},
		{"and is one if it exists", "vm.ours.test", "", "", "", "198.51.100.7",
		 "vm.ours.test", "vm.ours.test", "example.com", false},
		{"an address literal is no domain", "[198.51.100.7]", "", "", "", "198.51.100.7",
		 "[198.51.100.7]", "example.com", "", false},
	};

	ENSURE(rig_open(&rig, rows, COUNT(rows)), "a name server");
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct audit_request request = {0};
		struct seen_address address = {.by_namespace = cases[i].by_namespace};
		struct seen_host host = {
			.name = "mx.full.test", .address = &address, .address_count = 1};
		struct seen seen = {.host = &host, .host_count = 1};
		struct resolver *resolver = NULL;
		struct audit_name *name = NULL;
		struct audit_name_order order = {
			.request = &request, .host_name = cases[i].host_name, .seen = &seen};
		struct err e = {0};

		address.host = &host;
		address.has_from = addr_parse(cases[i].from, &address.from, NULL) == 0;
		snprintf(request.helo, sizeof(request.helo), "%s", cases[i].helo);
		snprintf(request.foreign, sizeof(request.foreign), "%s", cases[i].foreign);
		snprintf(request.mailbox, sizeof(request.mailbox), "%s", cases[i].mailbox);
		snprintf(request.domain, sizeof(request.domain), "other.test");
		ENSURE(resolver_open(&resolver, rig.loop, &rig.at, 1, TIMEOUT_MS, &e) == 0, "%s",
		       e.text);
		order.resolver = resolver;
		told = 0;
		EXPECT(audit_name_start(&name, &order, named, NULL) == 0, "begun");
		if (name) {
			loop_run(rig.loop);
			EXPECT(told == 1, "%s: told once", cases[i].sentence);
		}
		audit_name_stop(name);
		EXPECT(strcmp(address.helo, cases[i].wants_helo) == 0, "%s: %s", cases[i].sentence,
		       address.helo);
		EXPECT(strcmp(address.foreign[0], cases[i].wants_foreign) == 0 &&
			       strcmp(address.foreign[1], cases[i].wants_next) == 0,
		       "%s: %s, %s", cases[i].sentence, address.foreign[0], address.foreign[1]);
		resolver_close(resolver);
	}
	rig_close(&rig);
}
