/* SPDX-License-Identifier: BSD-2-Clause */
/* The look of the page, apart from what stands on it. */
#ifndef AUDIT_REPORT_HTML_H
#define AUDIT_REPORT_HTML_H

extern const char report_html_style[];

#endif
