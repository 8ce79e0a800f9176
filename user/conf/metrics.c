/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where metrics may be had: a loopback address and a port, or the path of a unix socket. No other address: the page tells how a mail host is
 * guarded, and has no password.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "conf/conf.h"

#define PORT_MOST	65535
#define PORT_DIGITS_MAX 5
/* Those below are bound with a privilege that the controller gives up, so that a reload could not; 9125 is as good. */
#define PORT_LEAST_PLAIN 1024
#define LOOPBACK_V4_BITS (ADDR_V4_LEAD_BITS + 8)

static bool is_loopback(const struct addr *a)
{
	static const struct prefix four = {.addr = {{[10] = 0xff, 0xff, 127}},
					   .bits = LOOPBACK_V4_BITS};
	static const struct addr six = {{[15] = 1}};

	return prefix_has(&four, a) || addr_equal(&six, a);
}

static int path_take(const char *text, struct conf_metrics *out, struct err *e)
{
	size_t most = sizeof(((struct sockaddr_un *)0)->sun_path) - 1, length = strlen(text);

	if (length > most)
		return err_set(e, -EINVAL, "the path of a socket has at most %zu bytes (unix(7))",
			       most);
	if (text[length - 1] == '/')
		return err_set(e, -EINVAL, "%s is a directory, not the path of a socket", text);
	out->kind = CONF_METRICS_UNIX;
	return 0;
}

/* "127.0.0.1" or "[::1]" in front of the colon. */
static int address_take(const char *text, size_t length, struct conf_metrics *out, struct err *e)
{
	char inner[ADDR_TEXT_MAX];
	bool is_v6 = length >= 2 && text[0] == '[' && text[length - 1] == ']';

	if (is_v6) {
		text++;
		length -= 2;
	}
	if (length >= sizeof(inner))
		return -EINVAL;
	memcpy(inner, text, length);
	inner[length] = '\0';
	if (addr_parse(inner, &out->addr, NULL) || addr_is_v4(&out->addr) == is_v6)
		return -EINVAL;
	if (is_loopback(&out->addr))
		return 0;
	return err_set(
		e, -EACCES,
		"%s is no loopback address: the page has no password, so it is given at "
		"127.0.0.1:PORT, at [::1]:PORT or at a unix socket only; a proxy can hand it on",
		inner);
}

int metrics_parse(const char *text, struct conf_metrics *out, struct err *e)
{
	const char *colon = strrchr(text, ':');
	unsigned long port;
	char *end = NULL;
	int ret;

	*out = (struct conf_metrics){.kind = CONF_METRICS_NONE};
	if (!*text)
		return 0;
	if (*text == '/')
		return path_take(text, out, e);
	ret = colon ? address_take(text, (size_t)(colon - text), out, e) : -EINVAL;
	if (ret == -EACCES)
		return -EINVAL;
	if (ret || colon[1] < '0' || colon[1] > '9' || strlen(colon + 1) > PORT_DIGITS_MAX)
		return err_set(e, -EINVAL,
			       "it takes 127.0.0.1:PORT, [::1]:PORT, or the path of a unix socket "
			       "that begins with /");
	port = strtoul(colon + 1, &end, 10);
	if (*end || port < PORT_LEAST_PLAIN || port > PORT_MOST)
		return err_set(e, -EINVAL, "the port is to be from %d to %d, such as 9125",
			       PORT_LEAST_PLAIN, PORT_MOST);
	out->kind = CONF_METRICS_TCP;
	out->port = (uint16_t)port;
	return 0;
}
