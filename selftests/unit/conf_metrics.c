/* SPDX-License-Identifier: BSD-2-Clause */
/* Where metrics may be had, and where not: nothing that others than this host could reach. */
#include <errno.h>

#include "conf/conf.h"
#include "tap.h"

TEST(a_place_for_metrics_is_of_this_host_alone)
{
	static const struct {
		const char *text;
		enum conf_metrics_kind kind;
		const char *fault; /* a part of its sentence; NULL: taken */
	} rows[] = {
		{"", CONF_METRICS_NONE, NULL},
		{"127.0.0.1:9125", CONF_METRICS_TCP, NULL},
		{"127.9.9.9:65535", CONF_METRICS_TCP, NULL},
		{"[::1]:9125", CONF_METRICS_TCP, NULL},
		{"/run/postern/metrics.sock", CONF_METRICS_UNIX, NULL},
		{"0.0.0.0:9125", 0, "0.0.0.0 is no loopback address"},
		{"192.0.2.25:9125", 0, "192.0.2.25 is no loopback address"},
		{"[::]:9125", 0, ":: is no loopback address"},
		{"[2001:db8::1]:9125", 0, "no loopback address"},
		{"128.0.0.1:9125", 0, "no loopback address"},
		{"localhost:9125", 0, "127.0.0.1:PORT"},
		{"::1:9125", 0, "127.0.0.1:PORT"},
		{"[127.0.0.1]:9125", 0, "127.0.0.1:PORT"},
		{"[::1:9125", 0, "127.0.0.1:PORT"},
		{"127.0.0.1", 0, "127.0.0.1:PORT"},
		{":9125", 0, "127.0.0.1:PORT"},
		{"127.0.0.1:", 0, "127.0.0.1:PORT"},
		{"127.0.0.1: 9125", 0, "127.0.0.1:PORT"},
		{"127.0.0.1:-1", 0, "127.0.0.1:PORT"},
		{"127.0.0.1:9125x", 0, "from 1024"},
		{"127.0.0.1:80", 0, "from 1024"},
		{"127.0.0.1:65536", 0, "from 1024"},
		{"127.0.0.1:999999", 0, "127.0.0.1:PORT"},
		{"metrics.sock", 0, "127.0.0.1:PORT"},
		{"/run/postern/", 0, "is a directory"},
		{"/", 0, "is a directory"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf_metrics at;
		struct err e = {0};
		int r = metrics_parse(rows[i].text, &at, &e);

		if (rows[i].fault)
			EXPECT(r == -EINVAL && strstr(e.text, rows[i].fault), "\"%s\": %d %s",
			       rows[i].text, r, e.text);
		else
			EXPECT(r == 0 && at.kind == rows[i].kind, "\"%s\": %d %s", rows[i].text, r,
			       e.text);
	}
}

TEST(a_place_is_read_as_it_is_written)
{
	static const struct addr six = {{[15] = 1}};
	struct conf_metrics at;

	EXPECT(metrics_parse("[::1]:9125", &at, NULL) == 0 && at.port == 9125 &&
		       addr_equal(&at.addr, &six),
	       "::1, 9125");
}

TEST(a_path_is_as_long_as_a_socket_can_bear)
{
	char path[200] = "/";
	struct conf_metrics at;
	struct err e = {0};

	memset(path + 1, 'p', 106);
	EXPECT(metrics_parse(path, &at, &e) == 0, "107 bytes: %s", e.text);
	path[107] = 'p';
	EXPECT(metrics_parse(path, &at, &e) == -EINVAL && strstr(e.text, "107 bytes"), "108: %s",
	       e.text);
}
