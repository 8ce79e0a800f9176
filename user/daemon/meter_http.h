/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * As much of HTTP/1.1 (RFC 9110, RFC 9112) as it takes to hand out one page: GET and HEAD of it, one request a connection. Pure: a
 * request is judged when its head is whole, and nothing in it is kept.
 */
#ifndef DAEMON_METER_HTTP_H
#define DAEMON_METER_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_MAX	  4096 /* bytes of a request: Prometheus sends some 300 */
#define HTTP_RESPONSE_MAX 512  /* of an answer's head, with the final 0 */

enum http_status {
	HTTP_MORE = 0, /* the head is not whole yet */
	HTTP_OK = 200,
	HTTP_BAD_REQUEST = 400,
	HTTP_NOT_FOUND = 404,
	HTTP_NOT_ALLOWED = 405,
	HTTP_TOO_SLOW = 408,
	HTTP_TOO_LARGE = 431,
	HTTP_UNAVAILABLE = 503,
	HTTP_VERSION = 505,
};

struct http_request {
	bool head; /* HEAD: the answer's body is left out */
};

/* What is to be answered to what has come so far, when the only page is at path. */
enum http_status http_request_read(const char *bytes, size_t length, const char *path,
				   struct http_request *out);
/* The head of an answer whose body has so many bytes. type: of the body. How long it is. */
size_t http_response_head(enum http_status status, const char *type, size_t length, int64_t wall_s,
			  char buffer[static HTTP_RESPONSE_MAX]);
/* A line about a status for a person, with a line feed. */
const char *http_reason(enum http_status status);

#endif
