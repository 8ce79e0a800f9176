/* SPDX-License-Identifier: BSD-2-Clause */
/* What is read on the host and is no tool's output: files, processes, listeners, networks, the clock. */
#include "audit/local_inside.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

#include "base/grow.h"
#include "net/net.h"

#define FILE_MAX      (1024 * 1024) /* bytes; no configuration file of these is near it */
#define FILES_MAX     64	    /* of one folder */
#define SOCKET_LEAD   "socket:["
#define PROCESSES_MAX 32768 /* whose open sockets are looked at */

/* ---- files ---- */

/* A regular file: a pipe or device of that name would keep us waiting. */
static int file_read(const char *path, char **bytes, size_t *length, bool *is_cut)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), code = 0;
	struct stat st;
	ssize_t got = 0;

	if (fd < 0)
		return -errno;
	*length = 0;
	*bytes = malloc(FILE_MAX + 1);
	if (!*bytes)
		code = -ENOMEM;
	else if (fstat(fd, &st) < 0)
		code = -errno;
	else if (!S_ISREG(st.st_mode))
		code = -EINVAL;
	while (code == 0 && *length < FILE_MAX &&
	       (got = read(fd, *bytes + *length, FILE_MAX - *length)) > 0)
		*length += (size_t)got;
	if (code == 0 && got < 0)
		code = -errno;
	*is_cut = *length == FILE_MAX;
	close(fd);
	if (code < 0) {
		free(*bytes);
		*bytes = NULL;
		*length = 0;
	}
	return code;
}

static void file_add(struct local_raw *raw, enum local_item item, const char *path)
{
	char *bytes = NULL;
	size_t length = 0;
	bool is_cut = false;
	int code = file_read(path, &bytes, &length, &is_cut);
	struct local_piece *p = local_raw_add(raw, item, path, code, bytes, length);

	if (p)
		p->is_cut = is_cut;
}

static void folder_add(struct local_raw *raw, enum local_item item, const char *pattern)
{
	glob_t found = {0};

	if (glob(pattern, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc && i < FILES_MAX; i++)
			file_add(raw, item, found.gl_pathv[i]);
	globfree(&found);
}

void local_collect_files(struct local_raw *raw, const struct audit_request *request)
{
	if (request->smtpd_config[0])
		file_add(raw, LOCAL_SMTPD_CONF, request->smtpd_config);
	else if (access("/etc/smtpd.conf", F_OK) == 0)
		file_add(raw, LOCAL_SMTPD_CONF, "/etc/smtpd.conf");
	else
		file_add(raw, LOCAL_SMTPD_CONF, "/etc/mail/smtpd.conf");
	file_add(raw, LOCAL_PASSWD, "/etc/passwd");
	file_add(raw, LOCAL_GROUP, "/etc/group");
	file_add(raw, LOCAL_RSYSLOG, "/etc/rsyslog.conf");
	folder_add(raw, LOCAL_RSYSLOG, "/etc/rsyslog.d/*.conf");
	file_add(raw, LOCAL_SYSLOG_NG, "/etc/syslog-ng/syslog-ng.conf");
	folder_add(raw, LOCAL_SYSLOG_NG, "/etc/syslog-ng/conf.d/*.conf");
	file_add(raw, LOCAL_JOURNAL_UPLOAD, "/etc/systemd/journal-upload.conf");
	folder_add(raw, LOCAL_JOURNAL_UPLOAD, "/etc/systemd/journal-upload.conf.d/*.conf");
	folder_add(raw, LOCAL_RSPAMD, "/etc/rspamd/modules.d/rbl.conf");
	folder_add(raw, LOCAL_RSPAMD, "/etc/rspamd/modules.d/surbl.conf");
}

/* The youngest of them; 0: none. */
static int64_t age_of(const char *pattern)
{
	glob_t found = {0};
	int64_t youngest = 0;

	if (glob(pattern, GLOB_BRACE, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			struct stat st;

			if (stat(found.gl_pathv[i], &st) == 0 && st.st_mtime > youngest)
				youngest = st.st_mtime;
		}
	}
	globfree(&found);
	return youngest;
}

/* ---- processes, and which sockets are theirs ---- */

struct held {
	uint32_t inode;
	size_t process;
};

struct held_list {
	struct held *row;
	size_t count, room;
};

static void held_add(struct held_list *list, uint32_t inode, size_t process)
{
	struct held *rows = grow(list->row, list->count, &list->room, sizeof(*rows));

	if (!rows)
		return;
	list->row = rows;
	list->row[list->count++] = (struct held){inode, process};
}

/* "socket:[12345]" (proc(5)). */
static void sockets_note(const char *pid, size_t process, struct held_list *list)
{
	char path[64], target[64];
	struct dirent *entry;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%.16s/fd", pid);
	folder = opendir(path);
	if (!folder)
		return;
	while ((entry = readdir(folder))) {
		ssize_t length =
			readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1);

		if (length <= 0)
			continue;
		target[length] = '\0';
		if (strncmp(target, SOCKET_LEAD, strlen(SOCKET_LEAD)) == 0)
			held_add(list, (uint32_t)strtoul(target + strlen(SOCKET_LEAD), NULL, 10),
				 process);
	}
	closedir(folder);
}

static bool process_note(struct local_raw *raw, const char *pid)
{
	char(*rows)[LOCAL_COMM_MAX] =
		grow(raw->process, raw->process_count, &raw->process_room, sizeof(*rows));
	char path[64];
	ssize_t got;
	int fd;

	if (!rows)
		return false;
	raw->process = rows;
	snprintf(path, sizeof(path), "/proc/%.16s/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, rows[raw->process_count], LOCAL_COMM_MAX - 1);
	close(fd);
	if (got <= 0)
		return false;
	rows[raw->process_count][got] = '\0';
	rows[raw->process_count][strcspn(rows[raw->process_count], "\n")] = '\0';
	raw->process_count++;
	return true;
}

static void processes_note(struct local_raw *raw, struct held_list *held)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;

	if (!folder) {
		raw->process_code = -errno;
		return;
	}
	while ((entry = readdir(folder)) && raw->process_count < PROCESSES_MAX)
		if (isdigit((unsigned char)entry->d_name[0]) && process_note(raw, entry->d_name))
			sockets_note(entry->d_name, raw->process_count - 1, held);
	closedir(folder);
}

/* ---- the network ---- */

struct listener_walk {
	struct local_raw *raw;
	const struct held_list *held;
};

static int listener_came(void *context, const struct net_listener *l)
{
	const struct listener_walk *walk = context;
	struct local_raw *raw = walk->raw;
	struct local_listener *rows = grow(raw->listener, raw->listener_count, &raw->listener_room,
					   sizeof(*rows)),
			      *row;

	if (!rows)
		return -ENOMEM;
	raw->listener = rows;
	row = &rows[raw->listener_count++];
	*row = (struct local_listener){.addr = l->addr, .port = l->port, .udp = l->udp};
	for (size_t i = 0; i < walk->held->count; i++)
		if (walk->held->row[i].inode == l->inode)
			snprintf(row->owner, sizeof(row->owner), "%s",
				 raw->process[walk->held->row[i].process]);
	return 0;
}

static int network_came(void *context, const struct net_address *a)
{
	struct local_raw *raw = context;
	struct local_network *rows =
		grow(raw->network, raw->network_count, &raw->network_room, sizeof(*rows));
	struct local_network row = {.network = a->network, .addr = a->addr};
	struct net_link link;

	if (!rows)
		return -ENOMEM;
	raw->network = rows;
	if (net_link_by_index(a->ifindex, &link, NULL) == 0) {
		snprintf(row.link, sizeof(row.link), "%s", link.name);
		row.is_bridge = strcmp(link.kind, "bridge") == 0;
	}
	raw->network[raw->network_count++] = row;
	return 0;
}

/* The kernel itself knows whether something keeps its clock (adjtimex(2), STA_UNSYNC); modes 0 changes nothing. */
static enum local_clock clock_read(void)
{
	struct timex t = {.modes = 0};
	int state = adjtimex(&t);

	if (state < 0)
		return LOCAL_CLOCK_UNKNOWN;
	return state == TIME_ERROR || t.status & STA_UNSYNC ? LOCAL_CLOCK_FREE
							    : LOCAL_CLOCK_SYNCHRONISED;
}

void local_collect_state(struct local_raw *raw)
{
	struct held_list held = {0};
	struct listener_walk walk = {.raw = raw, .held = &held};

	processes_note(raw, &held);
	raw->listener_code = net_each_listener(listener_came, &walk, NULL);
	(void)net_each_address(network_came, raw, NULL);
	free(held.row);
	raw->clock = clock_read();
	raw->uploads_journal =
		age_of("/etc/systemd/system/*.wants/systemd-journal-upload.service") != 0;
	raw->age = (struct local_ages){
		.clamav_s = age_of("/var/lib/clamav/{daily,main}.{cvd,cld}"),
		.spamassassin_s = age_of("/var/lib/spamassassin/*/updates_spamassassin_org.cf"),
		.package_lists_s =
			age_of("{/var/lib/apt/periodic/update-success-stamp,/var/lib/apt/lists}"),
	};
}
