/* SPDX-License-Identifier: BSD-2-Clause */
/* What is answered to a request for the page of metrics, and that nothing is answered before its head is whole. */
#include "daemon/meter_http.h"

#include "tap.h"

#define PAGE "/metrics"
#define HOST "Host: localhost:9125\r\n"

static enum http_status answer(const char *text, struct http_request *out)
{
	struct http_request mine;

	return http_request_read(text, strlen(text), PAGE, out ? out : &mine);
}

TEST(each_request_has_its_status)
{
	static const struct {
		const char *sentence, *request;
		enum http_status status;
	} rows[] = {
		{"a page", "GET /metrics HTTP/1.1\r\n" HOST "\r\n", HTTP_OK},
		{"its head", "HEAD /metrics HTTP/1.1\r\n" HOST "\r\n", HTTP_OK},
		{"by HTTP/1.0, without a host", "GET /metrics HTTP/1.0\r\n\r\n", HTTP_OK},
		{"with bare line feeds", "GET /metrics HTTP/1.1\nHost: a\n\n", HTTP_OK},
		{"behind an empty line", "\r\nGET /metrics HTTP/1.1\r\n" HOST "\r\n", HTTP_OK},
		{"with a query", "GET /metrics?name=a HTTP/1.1\r\n" HOST "\r\n", HTTP_OK},
		{"in absolute form", "GET http://localhost:9125/metrics HTTP/1.1\r\n" HOST "\r\n",
		 HTTP_OK},
		{"a field without a value", "GET /metrics HTTP/1.1\r\n" HOST "Accept:\r\n\r\n",
		 HTTP_OK},
		{"a byte above ASCII in a value",
		 "GET /metrics HTTP/1.1\r\n" HOST "X: \xc3\xa4\r\n\r\n", HTTP_OK},
		{"another page", "GET / HTTP/1.1\r\n" HOST "\r\n", HTTP_NOT_FOUND},
		{"a longer one", "GET /metrics/more HTTP/1.1\r\n" HOST "\r\n", HTTP_NOT_FOUND},
		{"absolute, without a path", "GET http://localhost HTTP/1.1\r\n" HOST "\r\n",
		 HTTP_NOT_FOUND},
		{"another method", "POST /metrics HTTP/1.1\r\n" HOST "\r\n", HTTP_NOT_ALLOWED},
		{"a method of another case", "get /metrics HTTP/1.1\r\n" HOST "\r\n",
		 HTTP_NOT_ALLOWED},
		{"HTTP/2 said in the clear", "PRI * HTTP/2.0\r\n\r\n", HTTP_VERSION},
		{"no version", "GET /metrics\r\n\r\n", HTTP_BAD_REQUEST},
		{"half a version", "GET /metrics HTTP/1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
		{"something else", "GET /metrics SPDY/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
		{"two spaces", "GET  /metrics HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
		{"no method", " /metrics HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
		{"no host", "GET /metrics HTTP/1.1\r\n\r\n", HTTP_BAD_REQUEST},
		{"two hosts", "GET /metrics HTTP/1.1\r\n" HOST HOST "\r\n", HTTP_BAD_REQUEST},
		{"a space before the colon", "GET /metrics HTTP/1.1\r\n" HOST "X : y\r\n\r\n",
		 HTTP_BAD_REQUEST},
		{"a folded field", "GET /metrics HTTP/1.1\r\n" HOST " folded\r\n\r\n",
		 HTTP_BAD_REQUEST},
		{"a field without a colon", "GET /metrics HTTP/1.1\r\n" HOST "what\r\n\r\n",
		 HTTP_BAD_REQUEST},
		{"a carriage return within", "GET /metrics HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n",
		 HTTP_BAD_REQUEST},
		{"an escape in the target", "GET /metrics\x1b[2J HTTP/1.1\r\n" HOST "\r\n",
		 HTTP_BAD_REQUEST},
		{"mail", "EHLO example.net\r\nMAIL FROM:<a@b>\r\n\r\n", HTTP_BAD_REQUEST},
		{"TLS", "\x16\x03\x01\x02 \x01\n\n", HTTP_BAD_REQUEST},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum http_status got = answer(rows[i].request, NULL);

		EXPECT(got == rows[i].status, "%s: %d, not %d", rows[i].sentence,
		       (int)rows[i].status, (int)got);
	}
}

TEST(a_head_is_told_from_a_get)
{
	struct http_request q;

	EXPECT(answer("HEAD /metrics HTTP/1.0\r\n\r\n", &q) == HTTP_OK && q.head, "HEAD");
	EXPECT(answer("GET /metrics HTTP/1.0\r\n\r\n", &q) == HTTP_OK && !q.head, "GET");
}

TEST(nothing_is_answered_before_the_head_is_whole)
{
	static const char text[] = "GET /metrics HTTP/1.1\r\n" HOST "Accept: */*\r\n\r\n";
	struct http_request q;

	for (size_t n = 0; n + 1 < sizeof(text) - 1; n++)
		EXPECT(http_request_read(text, n, PAGE, &q) == HTTP_MORE, "%zu bytes", n);
	EXPECT(http_request_read(text, sizeof(text) - 1, PAGE, &q) == HTTP_OK, "all of it");
}

TEST(what_does_not_end_is_too_large)
{
	static char text[HTTP_HEAD_MAX];
	struct http_request q;

	memset(text, 'a', sizeof(text));
	EXPECT(http_request_read(text, sizeof(text), PAGE, &q) == HTTP_TOO_LARGE, "one long line");
	memset(text, '\n', sizeof(text));
	EXPECT(http_request_read(text, sizeof(text), PAGE, &q) == HTTP_TOO_LARGE,
	       "only empty lines");
	memset(text, 0, sizeof(text));
	EXPECT(http_request_read(text, sizeof(text), PAGE, &q) == HTTP_TOO_LARGE, "zeros");
}

TEST(an_answer_has_a_date_a_length_and_an_end)
{
	char head[HTTP_RESPONSE_MAX];
	/* The example of RFC 9110, 5.6.7. */
	size_t n = http_response_head(HTTP_OK, "text/plain", 12, 784111777, head);

	EXPECT(n == strlen(head) && strcmp(head + n - 4, "\r\n\r\n") == 0, "%s", head);
	EXPECT(strncmp(head, "HTTP/1.1 200 OK\r\n", 17) == 0, "%s", head);
	EXPECT(strstr(head, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n") != NULL, "%s", head);
	EXPECT(strstr(head, "Content-Length: 12\r\n") != NULL, "%s", head);
	http_response_head(HTTP_NOT_ALLOWED, "text/plain", 0, 0, head);
	EXPECT(strstr(head, "\r\nAllow: GET, HEAD\r\n\r\n") != NULL,
	       "RFC 9110, 15.5.6 wants it: %s", head);
	EXPECT(*http_reason(HTTP_UNAVAILABLE) && !*http_reason((enum http_status)77), "sentences");
}
