/* SPDX-License-Identifier: BSD-2-Clause */
/* What a reload changes: each key that differs and no other, as texts that can be shown, with what it takes to come into force. */
#include "conf/conf.h"

#include "conf/schema.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct told {
	char text[2048];
	bool is_secret;
};

static int tell(void *context, json_t *row, bool is_secret)
{
	struct told *t = context;
	size_t n = strlen(t->text);

	snprintf(t->text + n, sizeof(t->text) - n, "%s: %s -> %s (%s)\n",
		 json_string_value(json_object_get(row, "key")),
		 json_string_value(json_object_get(row, "was")),
		 json_string_value(json_object_get(row, "now")),
		 json_string_value(json_object_get(row, "effect")));
	t->is_secret = is_secret;
	json_decref(row);
	return 0;
}

static bool put(struct conf *c, const char *key, const char *text)
{
	const struct schema_key *k = schema_find(schema_keys, key);
	struct err e = {0};

	if (!EXPECT(k, "no key %s", key))
		return false;
	if (schema_is_text(k) || schema_is_list(k))
		return EXPECT(schema_put_text(k, text, c, &e) == 0, "%s: %s", key, e.text);
	return EXPECT(schema_put_number(k, strtoll(text, NULL, 10), c, &e) == 0, "%s: %s", key,
		      e.text);
}

TEST(each_key_that_differs_is_told_with_what_it_takes)
{
	static const struct {
		const char *key, *text, *want;
		bool is_secret;
	} rows[] = {
		{"mode", "enforce", "mode: monitor -> enforce (live)\n", false},
		{"limits.rate", "60/1m burst 10",
		 "limits.rate: 120/1m burst 120 -> 60/1m burst 10 (live)\n", false},
		{"limits.open", "7", "limits.open: 50 -> 7 (live)\n", false},
		{"local_networks", "0", "local_networks: true -> false (live)\n", false},
		{"guard", "192.0.2.0/24", "guard: [] -> [\"192.0.2.0/24\"] (live)\n", false},
		{"dnsbl.sites", "k.bl.example*2",
		 "dnsbl.sites: [] -> [\"k.bl.example*2\"] (live)\n", true},
		{"attach", "native", "attach: auto -> native (next attach)\n", false},
		{"state_dir", "/srv", "state_dir: /var/lib/postern -> /srv (restart)\n", false},
		{"tables.rates", "9000", "tables.rates: 131072 -> 9000 (new maps)\n", false},
	};
	static struct conf before, now;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct told t = {0};

		conf_defaults(&before);
		conf_defaults(&now);
		EXPECT(conf_each_change(&before, &now, tell, &t) == 0 && !t.text[0], "nothing: %s",
		       t.text);
		if (!put(&now, rows[i].key, rows[i].text))
			continue;
		EXPECT(conf_each_change(&before, &now, tell, &t) == 0 &&
			       !strcmp(t.text, rows[i].want) && t.is_secret == rows[i].is_secret,
		       "%s: '%s'", rows[i].key, t.text);
	}
}

TEST(a_long_list_is_cut)
{
	static struct conf before, now;
	struct told t = {0};
	char prefix[64];

	conf_defaults(&before);
	conf_defaults(&now);
	for (int i = 0; i < 60; i++) {
		snprintf(prefix, sizeof(prefix), "2001:db8:1234:%d::/64", i);
		(void)put(&now, "guard", prefix);
	}
	EXPECT(conf_each_change(&before, &now, tell, &t) == 0 && strlen(t.text) < 300 &&
		       strstr(t.text, "..."),
	       "'%s'", t.text);
}
