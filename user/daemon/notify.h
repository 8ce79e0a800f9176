/* SPDX-License-Identifier: BSD-2-Clause */
/* Tell the service manager how things stand (sd_notify(3), without its library: it is one
 * datagram). */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

/* state: "READY=1" and so on, lines joined by newlines. 0: sent, or nobody asked ($NOTIFY_SOCKET
 * unset); else -errno. */
int notify_send(const char *state);
/* "RELOADING=1" with the time that systemd asks for; READY=1 ends it. */
int notify_reloading(void);

#endif
