/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One page over HTTP/1.1: see meter_http.h. Lines may end with a line feed alone (RFC 9112, 2.2). Fields are held to their form and otherwise
 * passed over, but for Host, which must be there once (RFC 9112, 3.2). A body is never read: the connection is closed behind the answer.
 */
#include "daemon/meter_http.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

struct line {
	const char *at;
	size_t length; /* without its end */
};

static const struct {
	enum http_status status;
	const char *name, *sentence;
} statuses[] = {
	{HTTP_OK, "OK", "OK\n"},
	{HTTP_BAD_REQUEST, "Bad Request", "this is no HTTP/1.1 request\n"},
	{HTTP_NOT_FOUND, "Not Found", "there is nothing here but /metrics\n"},
	{HTTP_NOT_ALLOWED, "Method Not Allowed", "only GET and HEAD are answered\n"},
	{HTTP_TOO_SLOW, "Request Timeout", "the request took too long\n"},
	{HTTP_TOO_LARGE, "Request Header Fields Too Large", "the request is too long\n"},
	{HTTP_UNAVAILABLE, "Service Unavailable", "the controller has no page to give\n"},
	{HTTP_VERSION, "HTTP Version Not Supported", "only HTTP/1.0 and HTTP/1.1 are spoken\n"},
};

/* ---- a request ---- */

/* The next whole line. False: there is none yet. */
static bool line_next(const char **at, const char *end, struct line *out)
{
	const char *stop = *at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;

	if (!stop)
		return false;
	*out = (struct line){*at, (size_t)(stop - *at)};
	if (out->length && out->at[out->length - 1] == '\r')
		out->length--;
	*at = stop + 1;
	return true;
}

/* Letters, digits and a few signs (RFC 9110, 5.6.2). */
static bool is_token(const char *text, size_t length)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		      (c && strchr(others, c))))
			return false;
	}
	return length > 0;
}

/* Visible characters, spaces and tabs; bytes above ASCII are opaque, and allowed (RFC 9110, 5.5). */
static bool is_field_value(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static bool is_text(const char *text, size_t length, const char *want)
{
	return length == strlen(want) && memcmp(text, want, length) == 0;
}

/* The path of a target in origin form, or of one in absolute form, which a server must take too (RFC 9112, 3.2.2). */
static bool is_target(const char *text, size_t length, const char *path)
{
	static const char scheme[] = "http://";
	const char *query, *slash;

	if (length >= sizeof(scheme) && strncasecmp(text, scheme, sizeof(scheme) - 1) == 0) {
		text += sizeof(scheme) - 1;
		length -= sizeof(scheme) - 1;
		slash = memchr(text, '/', length);
		if (!slash)
			return false;
		length -= (size_t)(slash - text);
		text = slash;
	}
	query = memchr(text, '?', length);
	return is_text(text, query ? (size_t)(query - text) : length, path);
}

/* method SP target SP version (RFC 9112, 3). */
static enum http_status request_line(const struct line *l, const char *path,
				     struct http_request *out, bool *needs_host)
{
	static const char version[] = "HTTP/1.";
	const char *end = l->at + l->length, *target = memchr(l->at, ' ', l->length), *third;
	size_t method, name;

	if (!target)
		return HTTP_BAD_REQUEST;
	method = (size_t)(target++ - l->at);
	third = memchr(target, ' ', (size_t)(end - target));
	if (!third || third == target || !is_token(l->at, method) ||
	    !is_field_value(target, (size_t)(third - target)))
		return HTTP_BAD_REQUEST;
	name = (size_t)(third++ - target);
	if (end - third != sizeof(version) || memcmp(third, version, 5) != 0 || third[6] != '.' ||
	    third[5] < '0' || third[5] > '9' || third[7] < '0' || third[7] > '9')
		return HTTP_BAD_REQUEST;
	if (third[5] != '1')
		return HTTP_VERSION;
	*needs_host = third[7] != '0';
	out->head = is_text(l->at, method, "HEAD");
	if (!is_target(target, name, path))
		return HTTP_NOT_FOUND;
	return out->head || is_text(l->at, method, "GET") ? HTTP_OK : HTTP_NOT_ALLOWED;
}

/* name ":" value, with no space before the colon and none folded (RFC 9112, 5.1 and 5.2). */
static bool field_read(const struct line *l, unsigned *hosts)
{
	const char *colon = memchr(l->at, ':', l->length);
	size_t name = colon ? (size_t)(colon - l->at) : 0;

	if (!is_token(l->at, name) || !is_field_value(colon, l->length - name))
		return false;
	if (name == strlen("host") && strncasecmp(l->at, "host", name) == 0)
		++*hosts;
	return true;
}

static enum http_status head_read(const char *at, const char *end, const char *path,
				  struct http_request *out)
{
	bool needs_host = false, is_good = true;
	enum http_status status;
	unsigned hosts = 0;
	struct line l;

	/* Empty lines before a request are the end of something else (RFC 9112, 2.2). */
	do {
		if (!line_next(&at, end, &l))
			return HTTP_MORE;
	} while (!l.length);
	status = request_line(&l, path, out, &needs_host);
	for (;;) {
		if (!line_next(&at, end, &l))
			return HTTP_MORE;
		if (!l.length)
			break;
		is_good &= field_read(&l, &hosts);
	}
	if (!is_good || hosts > 1 || (needs_host && !hosts))
		return HTTP_BAD_REQUEST;
	return status;
}

enum http_status http_request_read(const char *bytes, size_t length, const char *path,
				   struct http_request *out)
{
	enum http_status status;

	*out = (struct http_request){0};
	status = head_read(bytes, bytes + length, path, out);
	return status == HTTP_MORE && length >= HTTP_HEAD_MAX ? HTTP_TOO_LARGE : status;
}

/* ---- an answer ---- */

const char *http_reason(enum http_status status)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (statuses[i].status == status)
			return statuses[i].sentence;
	return "";
}

static const char *status_name(enum http_status status)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (statuses[i].status == status)
			return statuses[i].name;
	return "";
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7); whoever has a clock says it (6.6.1). */
static void date_format(int64_t wall_s, char *buffer, size_t size)
{
	time_t when = (time_t)wall_s;
	struct tm tm;

	if (!gmtime_r(&when, &tm) || !strftime(buffer, size, "%a, %d %b %Y %H:%M:%S GMT", &tm))
		buffer[0] = '\0';
}

size_t http_response_head(enum http_status status, const char *type, size_t length, int64_t wall_s,
			  char buffer[static HTTP_RESPONSE_MAX])
{
	char date[64];
	int n;

	date_format(wall_s, date, sizeof(date));
	n = snprintf(buffer, HTTP_RESPONSE_MAX,
		     "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
		     "Cache-Control: no-store\r\nConnection: close\r\n%s\r\n",
		     (int)status, status_name(status), date, type, length,
		     status == HTTP_NOT_ALLOWED ? "Allow: GET, HEAD\r\n" : "");
	return n > 0 && n < HTTP_RESPONSE_MAX ? (size_t)n : 0;
}
