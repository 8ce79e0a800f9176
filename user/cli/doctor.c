/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * doctor: can this host run the gate? It changes nothing: what postern would mend by itself (a bpffs that is
 * not mounted) is said to be fine. The interfaces have a file of their own.
 */
#include "cli/doctor.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#define KERNEL_MAJOR_MIN 6 /* older ones lack parts of what the programs use; 6.1 is Debian 12's */
#define KERNEL_MINOR_MIN 1
#define BTF_PATH	 "/sys/kernel/btf/vmlinux"
#define BPFFS_PATH	 "/sys/fs/bpf"
#define CLOCK_PATH	 "/sys/devices/system/clocksource/clocksource0/current_clocksource"
#define FAST_OPEN_PATH	 "/proc/sys/net/ipv4/tcp_fastopen"
#define FAST_OPEN_SERVER 2 /* bit: servers may (ip-sysctl) */
#define DOCTOR_TEXT_MAX	 512
#define DOCTOR_FILE_MAX	 4096 /* of a small file in /proc or /sys */
#define TCP_LISTEN_STATE 0x0a /* as /proc/net/tcp writes it */

void doctor_say(struct doctor *d, enum health health, const char *check, const char *format, ...)
{
	static const char *const names[] = {"ok", "warn", "fail"};
	char text[DOCTOR_TEXT_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	d->warned += health == HEALTH_WARN;
	d->failed += health == HEALTH_FAIL;
	(void)cli_say(
		d->cli,
		json_pack("{s:s, s:s, s:s}", "check", check, "status", names[health], "text", text),
		"%-5s %s: %s", names[health], check, text);
}

/* The start of a small file, without its last newline. 0 or -errno. */
static int file_read(const char *path, char *buffer, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buffer, size - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	buffer[n] = '\0';
	if (n && buffer[n - 1] == '\n')
		buffer[n - 1] = '\0';
	return 0;
}

static void check_kernel(struct doctor *d)
{
	struct utsname name;
	unsigned long major, minor = 0;
	char *end;
	bool old;

	if (uname(&name)) {
		doctor_say(d, HEALTH_WARN, "kernel", "its version cannot be read");
		return;
	}
	major = strtoul(name.release, &end, 10);
	if (*end == '.')
		minor = strtoul(end + 1, NULL, 10);
	old = major < KERNEL_MAJOR_MIN || (major == KERNEL_MAJOR_MIN && minor < KERNEL_MINOR_MIN);
	doctor_say(d, old ? HEALTH_FAIL : HEALTH_OK, "kernel", "%s%s", name.release,
		   old ? ": 6.1 or later is needed" : "");
	if (access(BTF_PATH, R_OK) == 0)
		doctor_say(d, HEALTH_OK, "btf", "%s is there", BTF_PATH);
	else
		doctor_say(d, HEALTH_FAIL, "btf",
			   "%s cannot be read: the kernel needs CONFIG_DEBUG_INFO_BTF "
			   "(every kernel of Debian since 11 has it)",
			   BTF_PATH);
}

static void check_bpffs(struct doctor *d)
{
	struct statfs fs;

	if (statfs(BPFFS_PATH, &fs))
		doctor_say(d, HEALTH_FAIL, "bpffs", "%s does not exist: is sysfs mounted?",
			   BPFFS_PATH);
	else if ((unsigned long)fs.f_type == BPF_FS_MAGIC)
		doctor_say(d, HEALTH_OK, "bpffs", "mounted on %s", BPFFS_PATH);
	else
		doctor_say(d, HEALTH_OK, "bpffs",
			   "not mounted on %s: postern mounts it when it needs it", BPFFS_PATH);
}

static void check_privileges(struct doctor *d)
{
	static const struct {
		int number;
		const char *name;
	} needed[] = {{CAP_BPF, "CAP_BPF"},
		      {CAP_NET_ADMIN, "CAP_NET_ADMIN"},
		      {CAP_PERFMON, "CAP_PERFMON"},
		      {CAP_SYS_ADMIN, "CAP_SYS_ADMIN"}};
	char text[DOCTOR_FILE_MAX], lacking[DOCTOR_TEXT_MAX] = "";
	unsigned long long effective = 0;
	const char *line = NULL;

	if (file_read("/proc/self/status", text, sizeof(text)) == 0)
		line = strstr(text, "\nCapEff:");
	if (line)
		effective = strtoull(line + strlen("\nCapEff:"), NULL, 16);
	for (unsigned i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		if (!(effective >> needed[i].number & 1))
			snprintf(lacking + strlen(lacking), sizeof(lacking) - strlen(lacking),
				 " %s", needed[i].name);
	if (lacking[0]) {
		doctor_say(d, HEALTH_FAIL, "privileges", "lacking%s: run it as root", lacking);
		return;
	}
	/* Root of a user namespace has every capability and may still load nothing. */
	if (file_read("/proc/self/uid_map", text, sizeof(text)) == 0 && !strstr(text, "4294967295"))
		doctor_say(d, HEALTH_FAIL, "privileges",
			   "this is a user namespace (a rootless container): the gate must be "
			   "loaded from the host");
	else
		doctor_say(d, HEALTH_OK, "privileges", "all that are needed");
}

static void check_clock(struct doctor *d)
{
	static const char *const slow[] = {"hpet", "acpi_pm", "jiffies", "refined-jiffies"};
	char text[DOCTOR_FILE_MAX];

	if (file_read(CLOCK_PATH, text, sizeof(text))) {
		doctor_say(d, HEALTH_WARN, "clock", "the clock source cannot be read");
		return;
	}
	for (unsigned i = 0; i < sizeof(slow) / sizeof(*slow); i++)
		if (strcmp(text, slow[i]) == 0) {
			doctor_say(
				d, HEALTH_WARN, "clock",
				"%s is slow to read, and every judged packet may read it: see why "
				"the kernel gave up tsc (dmesg)",
				text);
			return;
		}
	doctor_say(d, HEALTH_OK, "clock", "%s", text);
}

/* With Fast Open a server takes what is in a SYN before there is a handshake, by which alone connections are counted. */
static void check_fast_open(struct doctor *d)
{
	char text[DOCTOR_FILE_MAX];

	if (file_read(FAST_OPEN_PATH, text, sizeof(text)))
		doctor_say(d, HEALTH_WARN, "fast open", "%s cannot be read", FAST_OPEN_PATH);
	else if (strtoul(text, NULL, 0) & FAST_OPEN_SERVER)
		doctor_say(d, HEALTH_WARN, "fast open",
			   "servers may take data out of a SYN: a mail server that does so can be "
			   "spoken to past the limits and unasked about; sysctl -w "
			   "net.ipv4.tcp_fastopen=1 ends that");
	else
		doctor_say(d, HEALTH_OK, "fast open", "for clients alone, or off");
}

/* ---- who serves the ports ---- */

/* A line of /proc/net/tcp: "  0: 00000000:0019 00000000:0000 0A ...", in hexadecimal. */
static bool line_is_listener(const char *line, unsigned port)
{
	const char *local = strchr(line, ':'), *remote;
	char *end;

	local = local ? strchr(local + 1, ':') : NULL;
	remote = local ? strchr(local + 1, ':') : NULL;
	if (!remote || strtoul(local + 1, NULL, 16) != port)
		return false;
	(void)strtoul(remote + 1, &end, 16); /* the remote port, before the state */
	return strtoul(end, NULL, 16) == TCP_LISTEN_STATE;
}

/* Does anything listen on the port in this network namespace? */
static bool file_has_listener(const char *path, unsigned port)
{
	FILE *in = fopen(path, "re");
	char line[DOCTOR_FILE_MAX];
	bool found = false;

	while (in && !found && fgets(line, sizeof(line), in))
		found = line_is_listener(line, port);
	if (in)
		fclose(in);
	return found;
}

/* The command line of a process has the words "-host-port" and the port: a port that docker publishes. */
static bool process_publishes(const char *pid, unsigned port)
{
	char path[DOCTOR_TEXT_MAX], text[DOCTOR_FILE_MAX], wanted[16];
	int fd;
	ssize_t n;
	bool is_host_port = false;

	snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	if (!strstr(text, "docker-proxy") && !strstr(text, "rootlessport"))
		return false;
	snprintf(wanted, sizeof(wanted), "%u", port);
	for (const char *word = text; word < text + n; word += strlen(word) + 1) {
		if (is_host_port && strcmp(word, wanted) == 0)
			return true;
		is_host_port = strcmp(word, "-host-port") == 0;
	}
	return false;
}

static bool port_is_published(unsigned port)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			found = process_publishes(entry->d_name, port);
	if (dir)
		closedir(dir);
	return found;
}

static void check_ports(struct doctor *d)
{
	const struct conf *c = &d->cli->conf;

	for (unsigned i = 0; i < c->port_count; i++) {
		unsigned port = c->ports[i].local_port ? c->ports[i].local_port : c->ports[i].port;

		if (port_is_published(c->ports[i].port))
			doctor_say(
				d, HEALTH_WARN, "port",
				"port %u is published by a container engine: set local_port and "
				"namespaces in the configuration, and look whether the mail server "
				"sees true source addresses",
				c->ports[i].port);
		else if (c->charge == CONF_CHARGE_SYN || c->namespace_count)
			doctor_say(d, HEALTH_OK, "port",
				   "port %u is served elsewhere, as configured", port);
		else if (file_has_listener("/proc/net/tcp", port) ||
			 file_has_listener("/proc/net/tcp6", port))
			doctor_say(d, HEALTH_OK, "port", "something listens on port %u", port);
		else
			doctor_say(
				d, HEALTH_WARN, "port",
				"nothing listens on port %u in this network namespace: start the "
				"mail server; if it runs in a container, name its namespace "
				"(namespaces); on a gateway set charge = \"syn\"",
				port);
	}
}

int verb_doctor(struct cli *cli, const struct sentence *s)
{
	struct doctor d = {.cli = cli};

	(void)s;
	check_kernel(&d);
	check_bpffs(&d);
	check_privileges(&d);
	check_clock(&d);
	check_fast_open(&d);
	check_ports(&d);
	if (gate_open(&d.gate, cli->conf.instance, NULL))
		d.gate = NULL;
	doctor_links(&d);
	gate_close(d.gate);
	if (!cli->json)
		printf("%u failed, %u warning%s\n", d.failed, d.warned, plural(d.warned));
	return d.failed ? CLI_FAILED : CLI_DONE;
}
