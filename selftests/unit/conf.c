/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration file: what each key takes, what is told of each kind of fault, and that no
 * file, however hostile, crashes or hangs the reader.
 */
#include "conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/schema.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BIG_BYTES    100000 /* above what is read */

/* Reads a file with these bytes; its name in sentences is replaced by FILE. */
static int read_bytes(const char *bytes, size_t length, mode_t mode, struct conf *c, struct err *e)
{
	char path[TAP_TEMP_MAX], *at;
	int fd = tap_temp_file(path, "conf"), ret;

	if (!EXPECT(fd >= 0, "a file"))
		return -EIO;
	EXPECT(write(fd, bytes, length) == (ssize_t)length && fchmod(fd, mode) == 0, "write");
	close(fd);
	ret = conf_read(path, c, e);
	unlink(path);
	at = strstr(e->text, path);
	if (ret < 0 && at) {
		memcpy(at, "FILE", 4);
		memmove(at + 4, at + strlen(path), strlen(at + strlen(path)) + 1);
	}
	return ret;
}

static int read_text(const char *text, struct conf *c, struct err *e)
{
	e->text[0] = '\0';
	return read_bytes(text, strlen(text), 0600, c, e);
}

static int keep_row(void *context, json_t *row)
{
	return json_array_append_new(context, row);
}

/* All keys and values as one text, malloc'd: equal texts, equal configurations. */
static char *describe(const struct conf *c)
{
	json_t *rows = json_array();
	char *text;

	EXPECT(conf_each(c, keep_row, rows) == 0, "conf_each");
	text = json_dumps(rows, JSON_COMPACT);
	json_decref(rows);
	return text;
}

static void expect_defaults(const struct conf *c, const char *sentence)
{
	static struct conf defaults;
	char *a, *b;

	conf_defaults(&defaults);
	a = describe(&defaults);
	b = describe(c);
	EXPECT(a && b && !strcmp(a, b), "%s: not the defaults but %s", sentence, b);
	free(a);
	free(b);
}

TEST(conf_defaults_are_the_documented_ones)
{
	struct conf c;

	conf_defaults(&c);
	EXPECT(!strcmp(c.instance, "default") && !strcmp(c.state_dir, "/var/lib/postern"), "names");
	EXPECT(c.mode == CONF_MONITOR && c.attach == CONF_ATTACH_AUTO, "monitor, auto");
	EXPECT(c.port_count == 1 && c.ports[0].port == 25 && c.ports[0].local_port == 25 &&
		       c.ports[0].class_ == CONF_CLASS_MX && !c.ports[0].only_count,
	       "port 25");
	EXPECT(!c.interface_count && !c.guard_count && !c.namespace_count, "lists are empty");
	EXPECT(c.local_networks && c.charge == CONF_CHARGE_HANDSHAKE && !c.debug, "flags");
	EXPECT(c.limits.rate.count == 120 && c.limits.rate.period_s == 60 &&
		       c.limits.rate.burst == 120,
	       "rate");
	EXPECT(!c.limits.network_rate.count && !c.limits.total_rate.count && c.limits.open == 50 &&
		       !c.limits.total_open,
	       "limits");
	EXPECT(c.actions.rate == CONF_DROP && c.actions.open == CONF_REFUSE, "actions");
	EXPECT(c.budgets.refuse == 1000 && c.budgets.events == 1000 &&
		       c.budgets.event_interval_s == 10,
	       "budgets");
	EXPECT(c.tables.rules == 262144 && c.tables.blocks == 262144 && c.tables.allow == 4096 &&
		       c.tables.open == 65536 && c.tables.rates == 131072 &&
		       c.tables.listed == 65536 && c.tables.known == 131072,
	       "tables");
}

TEST(schema_takes_its_own_defaults)
{
	static struct conf c;

	for (const struct schema_key *k = schema_keys; k->name; k++) {
		struct err e = {0};
		int ret = 0;

		ENSURE(k->sentence && k->fallback, "%s lacks its sentence or default", k->name);
		EXPECT(strlen(k->sentence) < 90 && k->sentence[strlen(k->sentence) - 1] == '.',
		       "%s: the sentence", k->name);
		if (schema_is_text(k))
			ret = schema_put_text(k, k->fallback, &c, &e);
		else if (k->type == SCHEMA_NUMBER)
			ret = schema_put_number(k, atoll(k->fallback), &c, &e);
		EXPECT(ret == 0, "%s: %s", k->name, e.text);
	}
}

TEST(conf_of_nothing_is_the_defaults)
{
	static const char *const texts[] = {"",
					    "\n\n",
					    "# only a comment",
					    "/* one\n more */",
					    "log = \"info\"; # behind",
					    "limits: { };",
					    "// no newline",
					    "\r\n \t\r\n"};
	struct err e;

	for (size_t i = 0; i < COUNT(texts); i++) {
		static struct conf c;

		memset(&c, 0x5a, sizeof(c));
		if (EXPECT(read_text(texts[i], &c, &e) == 0, "'%s': %s", texts[i], e.text))
			expect_defaults(&c, texts[i]);
	}
}

/*
 * For the leak sanitizer: libconfig 1.5 loses a text that it had read when the syntax error comes,
 * a few bytes for each file that is refused.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig";
}

static const char full[] =
	"instance = \"mx-1_a\";\n"
	"state_dir = \"/tmp/state\";\n"
	"mode = \"enforce\";\n"
	"interfaces = [\"eth0\", \"eth0.25\"];\n"
	"attach = \"generic\";\n"
	"guard = [\"192.0.2.25\", \"2001:db8::/64\"];\n"
	"ports = ( { port = 25; local_port = 2525; only = [\"10.0.0.0/8\"]; },\n"
	"          { port = 587; }, { port = 465 }, { port = 2526; class = \"submission\"; } );\n"
	"namespaces = [\"/run/netns/mail\"];\n"
	"local_networks = false;\n"
	"charge = \"syn\";\n"
	"limits: { rate = \"10/1s burst 20\"; network_rate = \"100/1m\"; total_rate = "
	"\"1000/1s\";\n"
	"          open = 0; total_open = 1000; };\n"
	"actions: { rate = \"refuse\"; open = \"drop\"; };\n"
	"budgets = { refuse = 1; events = 100000L; event_interval = \"1d\"; }\n"
	"tables: { rules = 1024; blocks = 16777216; allow = 2048; open = 1024; rates = 8192;\n"
	"          listed = 1024; known = 8192; };\n"
	"log = \"debug\" // no newline";

TEST(conf_reads_every_key)
{
	static struct conf c;
	struct err e;

	ENSURE(read_text(full, &c, &e) == 0, "%s", e.text);
	EXPECT(!strcmp(c.instance, "mx-1_a") && !strcmp(c.state_dir, "/tmp/state"), "names");
	EXPECT(c.mode == CONF_ENFORCE && c.attach == CONF_ATTACH_GENERIC && c.debug, "words");
	EXPECT(c.interface_count == 2 && !strcmp(c.interfaces[1], "eth0.25"), "interfaces");
	EXPECT(c.guard_count == 2 && c.guard[0].bits == 128 && c.guard[1].bits == 64, "guard");
	EXPECT(c.port_count == 4, "%u ports", c.port_count);
	EXPECT(c.ports[0].port == 25 && c.ports[0].local_port == 2525 &&
		       c.ports[0].only_count == 1 && c.ports[0].only[0].bits == 104 &&
		       c.ports[0].class_ == CONF_CLASS_MX,
	       "port 25");
	EXPECT(c.ports[1].port == 587 && c.ports[1].local_port == 587 &&
		       c.ports[1].class_ == CONF_CLASS_SUBMISSION,
	       "587 is submission by itself");
	EXPECT(c.ports[2].class_ == CONF_CLASS_SUBMISSION && !c.ports[2].only_count, "so is 465");
	EXPECT(c.ports[3].class_ == CONF_CLASS_SUBMISSION, "2526 by its class");
	EXPECT(c.namespace_count == 1 && !strcmp(c.namespaces[0], "/run/netns/mail"), "namespaces");
	EXPECT(!c.local_networks && c.charge == CONF_CHARGE_SYN, "flags");
	EXPECT(c.limits.rate.burst == 20 && c.limits.network_rate.count == 100 &&
		       c.limits.total_rate.count == 1000 && !c.limits.open &&
		       c.limits.total_open == 1000,
	       "limits");
	EXPECT(c.actions.rate == CONF_REFUSE && c.actions.open == CONF_DROP, "actions");
	EXPECT(c.budgets.refuse == 1 && c.budgets.events == 100000 &&
		       c.budgets.event_interval_s == 86400,
	       "budgets");
	EXPECT(c.tables.rules == 1024 && c.tables.blocks == 16777216 && c.tables.known == 8192,
	       "tables");
}

/* A file that is refused, and what the sentence holds. */
static const struct {
	const char *sentence, *text, *told, *place;
} faults[] = {
	{"a typing error", "\nmdoe = \"enforce\";", "did you mean 'mode'", "FILE:2: "},
	{"one in a group", "limits: {\n opne = 1;\n};", "did you mean 'limits.open'", "FILE:2: "},
	{"one in a group's name", "limit: { open = 1; };", "did you mean 'limits'", "FILE:1: "},
	{"one in a port", "ports = ( { prot = 25; } );", "did you mean 'port'", "FILE:1: "},
	{"the right key outside of its group", "network_rate = \"\";", "'limits.network_rate'",
	 "FILE:1: "},
	{"a key of another group", "actions: { total_open = 1; };", "'limits.total_open'",
	 "FILE:1: "},
	{"nothing like a key", "zzzzzzzz = 1;", "known here are instance, state_dir, mode",
	 "FILE:1: "},
	{"nothing like a key in a group", "actions: { zzzzzzzz = 1; };",
	 "known here are dnsbl, rate, open", "FILE:1: "},
	{"a dotted key's group as a value", "limits = 5;", "it is a group", "FILE:1: "},
	{"a group as a value", "mode = { };", "here stands a group", "FILE:1: "},
	{"the same key twice", "mode = \"monitor\";\nmode = \"enforce\";", "duplicate", "FILE:2: "},
	{"a word that is not known", "mode = \"of\";", "\"monitor\" or \"enforce\"",
	 "FILE:1: mode: "},
	{"a word without quotes", "mode = monitor;", "syntax error", "FILE:1: "},
	{"a number for a word", "mode = 1;", "here stands a number", "FILE:1: mode: "},
	{"a word alone at the end", "mode = \"monitor\" mode2", "syntax error", "FILE:2: "},
	{"a number in quotes", "\nlimits: {\n open = \"50\"; };", "here stands a text in quotes",
	 "FILE:3: limits.open: "},
	{"a fraction", "limits: { open = 1.5; };", "with a fraction", "FILE:1: limits.open: "},
	{"a negative number", "limits: { open = -1; };", "from 0 to 1000000", "limits.open: -1"},
	{"over the bound", "limits: { open = 1000001; };", "from 0 to 1000000", "FILE:1: "},
	{"beyond 32 bits", "limits: { open = 4294967346; };", "more than 9 digits", "FILE:1: "},
	{"beyond 64 bits", "limits: { open = 18446744073709551666; };", "more than 9 digits",
	 "FILE:1: "},
	{"beyond 64 bits, long", "limits: { open = 18446744073709551666L; };", "9 digits",
	 "FILE:1: "},
	{"hexadecimal that is cut", "limits: { open = 0x100000032; };", "in decimal", "FILE:1: "},
	{"hexadecimal of 64 bits", "limits: { open = 0x32L; };", "in decimal", "FILE:1: "},
	{"a long number behind a sign", "limits: { open = +4294967346; };", "9 digits", "FILE:1: "},
	{"a number of many zeros and too many digits", "limits: { open = 00004294967346; };",
	 "9 digits", "FILE:1: "},
	{"true for a number", "limits: { open = true; };", "here stands true or false", "FILE:1: "},
	{"a word that is no place of a log", "mail_log = \"jurnal\";",
	 "'jurnal' will not do: it takes \"auto\", \"journal\" or \"none\", or an absolute path",
	 "FILE:1: "},
	{"a log nowhere", "mail_log = \"\";", "it takes \"auto\"", "FILE:1: "},
	{"a log in some directory", "mail_log = \"mail.log\";", "or an absolute path", "FILE:1: "},
	{"a number for true", "local_networks = 1;", "it takes true or false", "FILE:1: "},
	{"a rate that is none", "limits: { rate = \"10/s\"; };", "'s' is not a time",
	 "FILE:1: limits.rate: "},
	{"a rate that is a number", "limits: { rate = 10; };", "such as \"120/1m burst 120\"",
	 "FILE:1: "},
	{"a budget of zero would be no limit", "budgets: { refuse = 0; };", "from 1", "FILE:1: "},
	{"an interval over a day", "budgets: { event_interval = \"25h\"; };", "\"1d\"", "FILE:1: "},
	{"an interval that is a number", "budgets: { event_interval = 10; };", "a time",
	 "FILE:1: "},
	{"a table too small", "tables: { rules = 1023; };", "from 1024", "FILE:1: tables.rules: "},
	{"an LRU table too small", "tables: { rates = 8191; };", "from 8192", "FILE:1: "},
	{"the other LRU table too small", "tables: { known = 8191; };", "from 8192", "FILE:1: "},
	{"a table too large", "tables: { rules = 16777217; };", "to 16777216", "FILE:1: "},
	{"a name with a slash", "instance = \"../x\";", "letters, digits", "FILE:1: instance: "},
	{"an empty name", "instance = \"\";", "letters, digits", "FILE:1: "},
	{"a long name", "instance = \"abcdefghijklmnopqrstuvwxyz012345\";", "1 to 31", "FILE:1: "},
	{"a relative path", "state_dir = \"state\";", "absolute path", "FILE:1: "},
	{"an escape in a path", "state_dir = \"/a\\x1b[2J\";", "'/a\\x1b[2J'", "FILE:1: "},
	{"a bare interface", "interfaces = \"eth0\";", "such as [\"eth0\"]", "FILE:1: "},
	{"a number among interfaces", "interfaces = (\"eth0\", 1);", "here stands a number",
	 "FILE:1: interfaces: "},
	{"a name too long for an interface", "interfaces = [\"abcdefghijklmnop\"];",
	 "'abcdefghijklmnop' is too long: an interface's name has at most 15 characters",
	 "FILE:1: "},
	{"an interface with a slash", "interfaces = [\"a/b\"];", "'a/b'", "FILE:1: "},
	{"an interface with a blank", "interfaces = [\"a b\"];", "'a b'", "FILE:1: "},
	{"an interface called ..", "interfaces = [\"..\"];", "'..'", "FILE:1: "},
	{"an interface of no name", "interfaces = [\"\"];", "''", "FILE:1: "},
	{"the same interface twice", "interfaces = [\"a\",\n\"a\"];", "there twice", "FILE:2: "},
	{"17 interfaces",
	 "interfaces = [\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"a\",\"b\",\"c\","
	 "\"d\",\"e\",\"f\",\"g\",\"h\"];",
	 "one too many: at most 16", "FILE:1: "},
	{"host bits", "guard = [\"192.0.2.1/24\"];", "192.0.2.0/24", "FILE:1: guard: "},
	{"a prefix of rubbish", "guard = [\"all\"];", "'all' is not an IPv4 or IPv6", "FILE:1: "},
	{"the same prefix in two forms", "guard = [\"10.0.0.0/8\", \"::ffff:10.0.0.0/104\"];",
	 "there twice", "FILE:1: "},
	{"lists in lists", "guard = ([\"10.0.0.0/8\"]);", "here stands a list [ ]", "FILE:1: "},
	{"a relative namespace", "namespaces = [\"mail\"];", "/run/netns/mail", "FILE:1: "},
	{"no ports at all", "ports = ();", "1 to 8", "FILE:1: ports: "},
	{"ports in the wrong brackets", "ports = [];", "such as ( { port = 25", "FILE:1: "},
	{"ports as numbers", "ports = (25);", "an entry is a group", "FILE:1: "},
	{"a port without its port", "ports = ( { class = \"mx\"; } );", "lacks its port",
	 "FILE:1: "},
	{"port 0", "ports = ( { port = 0; } );", "from 1 to 65535", "FILE:1: port: "},
	{"port 65536", "ports = ( { port = 65536; } );", "from 1 to 65535", "FILE:1: "},
	{"port 65561, which is 25 in 16 bits", "ports = ( { port = 65561; } );", "from 1",
	 "FILE:1: "},
	{"a port in quotes", "ports = ( { port = \"25\"; } );", "text in quotes", "FILE:1: "},
	{"local_port 0", "ports = ( { port = 25; local_port = 0; } );", "from 1", "FILE:1: "},
	{"an unknown class", "ports = ( { port = 25; class = \"smtp\"; } );",
	 "\"mx\" or \"submission\"", "FILE:1: class: "},
	{"the same port twice", "ports = ( { port = 25; },\n{ port = 25; local_port = 26; } );",
	 "port 25 is there twice", "FILE:2: "},
	{"two classes of one socket",
	 "ports = ( { port = 25; }, { port = 587; local_port = 25; } );", "differ in class",
	 "FILE:1: "},
	{"nine ports",
	 "ports = ({port=1;},{port=2;},{port=3;},{port=4;},{port=5;},{port=6;},{port=7;},{port=8;},"
	 "{port=9;});",
	 "9 entries", "FILE:1: "},
	{"host bits in only", "ports = ( { port = 25; only = [\"10.0.0.1/8\"]; } );", "10.0.0.0/8",
	 "FILE:1: only: "},
	{"another file", "mode = \"monitor\";\n@include \"/etc/passwd\"\n", "@include", "FILE:2: "},
	{"another file, indented", "  \t@include \"/dev/stdin\"", "@include", "FILE:1: "},
	{"another file behind a comment", "/* \n */@include \"x\"", "@include", "FILE:2: "},
	{"another file behind a text", "log = \"info\n\\\"\";\n@include \"x\"", "@include",
	 "FILE:3: "},
	{"a text without an end", "mode = \"monitor;\n\n\n", "has no end", "FILE:1: "},
	{"a comment without an end", "log = \"info\";\n/* mode = \"enforce\";\n", "has no end",
	 "FILE:2: "},
	{"a hidden zero byte", "state_dir = \"/a\\x00b\";", "\\x00", "FILE:1: "},
	{"mixed types in an array", "interfaces = [\"a\", 1];", "", "FILE:1: "},
	{"a closing bracket too many", "limits: { }; }", "syntax error", "FILE:1: "},
	{"nine brackets", "a = (((((((((1)))))))));", "too many brackets", "FILE:1: "},
};

TEST(conf_tells_file_line_key_and_what_would_be_right)
{
	static struct conf c;

	for (size_t i = 0; i < COUNT(faults); i++) {
		struct err e = {0};

		memset(&c, 0x5a, sizeof(c));
		if (!EXPECT(read_text(faults[i].text, &c, &e) == -EINVAL && e.code == -EINVAL,
			    "%s was taken", faults[i].sentence))
			continue;
		EXPECT(strstr(e.text, faults[i].told), "%s: lacks %s: %s", faults[i].sentence,
		       faults[i].told, e.text);
		EXPECT(strstr(e.text, faults[i].place), "%s: lacks %s: %s", faults[i].sentence,
		       faults[i].place, e.text);
		for (const char *at = e.text; *at; at++)
			EXPECT(*at >= ' ' && *at < 0x7f, "%s: byte %d", faults[i].sentence, *at);
		for (size_t b = 0; b < sizeof(c); b++)
			if (!EXPECT(((char *)&c)[b] == 0x5a, "%s: changed", faults[i].sentence))
				break;
	}
}

TEST(conf_in_comments_and_texts_is_not_taken_for_brackets_or_includes)
{
	static struct conf c;
	struct err e;

	ENSURE(read_text("# @include \"x\" \" ((((((((((\n// \" @ /*\n/* \" @ # */\n"
			 "namespaces = [\"/a@((((((((((\", \"/#\\\"\", \"/b//\"];\n",
			 &c, &e) == 0,
	       "%s", e.text);
	EXPECT(c.namespace_count == 3 && !strcmp(c.namespaces[1], "/#\"") &&
		       !strcmp(c.namespaces[2], "/b//"),
	       "%s %s", c.namespaces[1], c.namespaces[2]);
}

TEST(conf_that_others_may_write_is_refused)
{
	static struct conf c;
	struct err e = {0};

	EXPECT(read_bytes("", 0, 0644, &c, &e) == 0, "0644: %s", e.text);
	EXPECT(read_bytes("", 0, 0664, &c, &e) == -EPERM && strstr(e.text, "chmod"), "0664: %s",
	       e.text);
	EXPECT(read_bytes("", 0, 0602, &c, &e) == -EPERM && strstr(e.text, "0602"), "0602: %s",
	       e.text);
}

TEST(conf_of_another_owner_is_refused)
{
	char path[TAP_TEMP_MAX];
	static struct conf c;
	struct err e = {0};
	int fd;

	if (geteuid() != 0)
		SKIP("root, to give a file away");
	fd = tap_temp_file(path, "conf");
	ENSURE(fd >= 0 && fchown(fd, 65534, 65534) == 0, "chown");
	close(fd);
	EXPECT(conf_read(path, &c, &e) == -EPERM && strstr(e.text, "65534"), "%s", e.text);
	unlink(path);
}

TEST(conf_that_is_no_file_is_refused_and_never_waited_for)
{
	char path[TAP_TEMP_MAX], fifo[TAP_TEMP_MAX + 8];
	static struct conf c;
	struct err e = {0};

	ENSURE(tap_temp_dir(path, "conf"), "a directory");
	snprintf(fifo, sizeof(fifo), "%s/fifo", path);
	EXPECT(conf_read(path, &c, &e) == -EISDIR && strstr(e.text, "directory"), "%s", e.text);
	EXPECT(conf_read(fifo, &c, &e) == -ENOENT && strstr(e.text, fifo), "%s", e.text);
	ENSURE(mkfifo(fifo, 0600) == 0, "mkfifo");
	EXPECT(conf_read(fifo, &c, &e) == -EINVAL && strstr(e.text, "regular"), "%s", e.text);
	EXPECT(conf_read("/dev/zero", &c, &e) == -EINVAL, "%s", e.text);
	unlink(fifo);
	EXPECT(symlink("fifo", fifo) == 0 && conf_read(fifo, &c, &e) == -ELOOP, "%s", e.text);
	unlink(fifo);
	rmdir(path);
}

/* The same pattern over and over. */
static char *repeat(const char *pattern, size_t length)
{
	char *bytes = malloc(length);

	for (size_t i = 0; i < length; i++)
		bytes[i] = pattern[i % strlen(pattern)];
	return bytes;
}

TEST(conf_of_rubbish_is_refused_whatever_its_size)
{
	static const char *const patterns[] = {"a",  "(",  "{",	    "a={", "a=(",  "[",	   "\"",
					       "\\", "/*", "@",	    "1",   "a=1;", "\xff", "=",
					       "a",  "\n", "\"a\"", "0x",  "/a",   "*"};
	static const size_t lengths[] = {1, 2, 3, 17, 4095, 65535, 65536, 65537, BIG_BYTES};
	static struct conf c;

	for (size_t i = 0; i < COUNT(patterns); i++) {
		for (size_t j = 0; j < COUNT(lengths); j++) {
			char *bytes = repeat(patterns[i], lengths[j]);
			struct err e = {0};
			int ret = read_bytes(bytes, lengths[j], 0600, &c, &e);

			if (patterns[i][0] == '\n' && lengths[j] <= 65536)
				EXPECT(ret == 0, "newlines: %s", e.text);
			else
				EXPECT(ret < 0 && e.text[0], "%zu bytes of %s", lengths[j],
				       patterns[i]);
			EXPECT(lengths[j] <= 65536 || ret == -EFBIG, "%zu bytes: %d", lengths[j],
			       ret);
			free(bytes);
		}
	}
}

TEST(conf_with_a_zero_byte_is_refused)
{
	static struct conf c;
	struct err e = {0};

	EXPECT(read_bytes("log = \"info\";\0mode", 18, 0600, &c, &e) == -EINVAL &&
		       strstr(e.text, "zero byte"),
	       "%s", e.text);
}

/* A generator of its own, so that a failure comes again: xorshift64 (Marsaglia, 2003). */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

#define MUTANTS 3000 /* a second's worth */

TEST(conf_survives_mutations_of_a_full_file)
{
	uint64_t state = 0x706f737465726eULL;
	static struct conf c;
	char bytes[sizeof(full)];
	unsigned taken = 0;

	for (unsigned i = 0; i < MUTANTS; i++) {
		size_t length = sizeof(full) - 1;
		struct err e = {0};

		memcpy(bytes, full, length);
		for (unsigned n = 1 + next_random(&state) % 3; n; n--) {
			size_t at = next_random(&state) % length;

			if (next_random(&state) % 2)
				bytes[at] = (char)next_random(&state);
			else
				bytes[at] = full[next_random(&state) % (sizeof(full) - 1)];
		}
		if (next_random(&state) % 4 == 0)
			length = next_random(&state) % length;
		if (read_bytes(bytes, length, 0600, &c, &e) == 0)
			taken++;
		else
			EXPECT(e.text[0], "mutant %u was refused without a sentence", i);
	}
	EXPECT(taken && taken < MUTANTS / 2, "%u of %d mutants were taken", taken, MUTANTS);
}

/* The sample, and the same with each "#key = " brought to life. */
static void sample(char **plain, char **alive)
{
	size_t length;
	FILE *out = open_memstream(plain, &length);

	EXPECT(conf_write_sample(out) == 0, "conf_write_sample");
	fclose(out);
	*alive = strdup(*plain);
	for (char *at = *alive; (at = strchr(at, '#')); at++)
		if (at[1] != ' ' && (at == *alive || at[-1] == '\n' || at[-1] == '\t'))
			*at = ' ';
}

TEST(conf_sample_is_every_default)
{
	char *plain, *alive;
	static struct conf c;
	struct err e;

	sample(&plain, &alive);
	if (EXPECT(read_text(plain, &c, &e) == 0, "as written: %s", e.text))
		expect_defaults(&c, "the sample as written");
	if (EXPECT(read_text(alive, &c, &e) == 0, "brought to life: %s\n%s", e.text, alive))
		expect_defaults(&c, "the sample brought to life");
	for (const struct schema_key *k = schema_keys; k->name; k++) {
		const char *own = strchr(k->name, '.');
		char line[64];

		snprintf(line, sizeof(line), "#%s = ", own ? own + 1 : k->name);
		EXPECT(strstr(plain, line) && strstr(plain, k->sentence), "%s is missing", k->name);
	}
	free(plain);
	free(alive);
}

TEST(conf_each_gives_every_key_with_its_default)
{
	static struct conf c;
	struct err e;
	json_t *rows = json_array(), *row;
	unsigned changed = 0;
	size_t i;

	ENSURE(read_text("limits: { open = 7; };\nguard = [\"10.0.0.0/8\"];\n"
			 "ports = ( { port = 25; }, { port = 465; } );",
			 &c, &e) == 0,
	       "%s", e.text);
	EXPECT(conf_each(&c, keep_row, rows) == 0, "conf_each");
	json_array_foreach(rows, i, row)
	{
		const char *key = json_string_value(json_object_get(row, "key"));
		json_t *value = json_object_get(row, "value");
		bool is_default = json_is_true(json_object_get(row, "is_default"));

		EXPECT(schema_keys[i].name && !strcmp(key, schema_keys[i].name), "%s", key);
		EXPECT(is_default == json_equal(value, json_object_get(row, "default")), "%s", key);
		changed += !is_default;
		if (!strcmp(key, "limits.open"))
			EXPECT(json_integer_value(value) == 7 && !is_default, "%s", key);
		if (!strcmp(key, "limits.rate"))
			EXPECT(!strcmp(json_string_value(value), "120/1m burst 120"), "%s", key);
		if (!strcmp(key, "ports"))
			EXPECT(json_array_size(value) == 2, "%s", key);
	}
	EXPECT(i && !schema_keys[i].name && changed == 3, "%zu keys, %u changed", i, changed);
	json_decref(rows);
}

TEST(instance_names_can_be_directories)
{
	EXPECT(instance_is_valid("a") && instance_is_valid("mx-1_B") &&
		       instance_is_valid("0123456789012345678901234567890"),
	       "valid");
	EXPECT(!instance_is_valid("") && !instance_is_valid(".") && !instance_is_valid("a/b") &&
		       !instance_is_valid("a b") && !instance_is_valid("\xc3\xa4") &&
		       !instance_is_valid("01234567890123456789012345678901"),
	       "invalid");
}

TEST(nobody_is_told_why_where_the_responder_cannot_stand)
{
	struct conf_port plain = {.port = 25, .local_port = 25};
	struct conf_port translated = {.port = 25, .local_port = 2525};
	struct conf_port submission = {.port = 587, .local_port = 587};
	struct conf_port tls = {.port = 465, .local_port = 465};
	static struct conf c;

	conf_defaults(&c);
	EXPECT(!conf_no_reply(&c, &plain) && !conf_no_reply(&c, &submission), "it can speak there");
	EXPECT(strstr(conf_no_reply(&c, &translated), "local_port") != NULL, "another port");
	EXPECT(strstr(conf_no_reply(&c, &tls), "TLS") != NULL, "TLS from the first byte");
	c.charge = CONF_CHARGE_SYN;
	EXPECT(strstr(conf_no_reply(&c, &plain), "charge") != NULL, "a gateway");
	conf_defaults(&c);
	c.namespace_count = 1;
	EXPECT(strstr(conf_no_reply(&c, &plain), "namespaces") != NULL, "a container");
}
