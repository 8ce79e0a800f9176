/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whatever somebody sends to the page of metrics: it has one of the statuses that are answered, the same however it was cut, and what
 * once has an answer keeps it.
 */
#include "daemon/meter_http.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes, head[HTTP_RESPONSE_MAX];
	enum http_status status = HTTP_MORE;
	struct http_request q;
	size_t n;

	if (size > HTTP_HEAD_MAX)
		size = HTTP_HEAD_MAX;
	for (n = 0; n <= size && status == HTTP_MORE; n++) {
		bytes = copy_of(data, n);
		status = http_request_read(bytes, n, "/metrics", &q);
		free(bytes);
	}
	if (status == HTTP_MORE) {
		HOLDS(size < HTTP_HEAD_MAX);
		return 0;
	}
	HOLDS(*http_reason(status));
	n = http_response_head(status, "text/plain", size, (int64_t)size, head);
	HOLDS(n && n == strlen(head) && strcmp(head + n - 4, "\r\n\r\n") == 0);
	/* What comes behind a whole head changes nothing. */
	bytes = copy_of(data, size);
	HOLDS(status == HTTP_TOO_LARGE || http_request_read(bytes, size, "/metrics", &q) == status);
	free(bytes);
	return 0;
}
