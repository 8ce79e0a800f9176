/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * import postfix: runs postconf(1), has a process without privileges say which tables it needs, reads those, and has another one make
 * the configuration of it all. Tables of a configuration that somebody else may write are not read with our rights: it could
 * name any file.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/local_inside.h"
#include "base/regular.h"
#include "base/when.h"
#include "cli/cli.h"
#include "cli/import.h"
#include "cli/worker.h"
#include "daemon/asking.h"

#define TABLE_BYTES_MAX (4 << 20) /* some 100,000 lines */
#define FILES		8	  /* of a worker: standard streams, the pipe */
#define CPU_MAX_S	60	  /* of a worker: what people write takes less than one */
#define AT_ONCE		16	  /* processes of postmap(1) */
#define SUFFIX_MAX	8	  /* ".lmdb" */

/* ---- with privileges: raw bytes ---- */

static void piece_take(struct import_piece *to, struct local_piece *from)
{
	*to = (struct import_piece){
		.bytes = from->bytes, .length = from->length, .code = from->code};
	snprintf(to->why, sizeof(to->why), "%s", from->why);
	from->bytes = NULL;
}

static int tools_run(const struct local_tool *tools, struct import_piece *const *out,
		     unsigned count)
{
	struct local_raw *raw = calloc(1, sizeof(*raw));
	int ret = raw ? local_run(raw, tools, count) : -ENOMEM;

	for (unsigned i = 0; ret == 0 && i < count; i++)
		piece_take(out[i], &raw->piece[i]);
	local_raw_free(raw);
	return ret;
}

static int settings_collect(struct import_source *s)
{
	const char *dir = s->directory;
	const struct local_tool tools[] = {
		{LOCAL_POSTCONF, {"postconf"}, {"-x"}, "-c", dir, LOCAL_NOBODY_FIRST},
		{LOCAL_POSTCONF, {"postconf"}, {"-n"}, "-c", dir, LOCAL_NOBODY_FIRST},
		{LOCAL_POSTCONF_SERVICES,
		 {"postconf"},
		 {"-P", "-x"},
		 "-c",
		 dir,
		 LOCAL_NOBODY_FIRST},
		{LOCAL_POSTCONF_SERVICES, {"postconf"}, {"-M"}, "-c", dir, LOCAL_NOBODY_FIRST},
	};
	struct import_piece *const out[] = {&s->all, &s->own, &s->services, &s->master};

	return tools_run(tools, out, sizeof(tools) / sizeof(tools[0]));
}

static int file_read(int fd, struct import_piece *out)
{
	size_t used = 0;
	ssize_t n = 1;

	out->bytes = malloc(TABLE_BYTES_MAX + 1);
	if (!out->bytes)
		return -ENOMEM;
	while (n > 0 && used <= TABLE_BYTES_MAX) {
		n = read(fd, out->bytes + used, TABLE_BYTES_MAX + 1 - used);
		used += n > 0 ? (size_t)n : 0;
	}
	if (n < 0 || used > TABLE_BYTES_MAX)
		return n < 0 ? -errno : -EFBIG;
	out->bytes[used] = '\0';
	out->length = used;
	return 0;
}

/* With our rights. is_others: somebody else may have made a link of it, to what is not his to read. */
static void table_collect(const char *path, bool is_others, struct import_piece *out)
{
	struct stat st;
	int fd = regular_open(path, &st), code = fd < 0 ? fd : 0;

	if (code == 0 && is_others && geteuid() == 0 && !(st.st_mode & S_IROTH))
		code = -EPERM;
	if (code == 0)
		code = file_read(fd, out);
	if (fd >= 0)
		close(fd);
	out->code = code;
	if (code == -EPERM)
		snprintf(out->why, sizeof(out->why),
			 "others than root may say what stands at this place, and not everybody "
			 "may read it");
	else if (code < 0)
		snprintf(out->why, sizeof(out->why), "%s", strerror(-code));
}

/* As DATABASE_README names what postmap(1) makes of a text; first the text itself. */
static const char *const suffixes[] = {"", ".db", ".lmdb", ".cdb", ".dir", ".pag"};
#define SUFFIXES (sizeof(suffixes) / sizeof(suffixes[0]))

/* In one like /tmp (sticky) the kernel follows nobody else's links (proc_sys_fs(5), protected_symlinks). */
static bool is_sticky(const char *folder)
{
	struct stat st;

	return stat(folder, &st) == 0 && st.st_mode & S_ISVTX && st.st_uid == 0;
}

/* Can somebody but root have put a link into the way to it? */
static bool is_others_way(const char *path)
{
	char folder[IMPORT_SPEC_MAX];

	for (const char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
		if (!is_sticky(folder) && local_path_is_others(folder))
			return true;
	}
	return false;
}

static bool is_others_table(const char *spec)
{
	const char *path = strchr(import_spec(spec), ':') + 1; /* import_want_check() */
	char file[IMPORT_SPEC_MAX + SUFFIX_MAX];
	bool is_found = is_others_way(path);

	for (size_t i = 0; i < SUFFIXES; i++) {
		snprintf(file, sizeof(file), "%s%s", path, suffixes[i]);
		is_found |= local_path_is_others(file);
	}
	return is_found;
}

/* Postfix reads the index. What the text says it does when postmap(1) has made one of it. */
static void index_compare(const char *spec, struct import_piece *out)
{
	const char *path = access_path(spec);
	char file[IMPORT_SPEC_MAX + SUFFIX_MAX];
	struct stat text, index;
	bool is_there = false, is_newer = false;

	if (!access_is_indexed(spec) || out->code < 0 || stat(path, &text) < 0)
		return;
	for (size_t i = 1; i < SUFFIXES; i++) {
		snprintf(file, sizeof(file), "%s%s", path, suffixes[i]);
		if (stat(file, &index) < 0)
			continue;
		is_there = true;
		is_newer |= text.st_mtim.tv_sec > index.st_mtim.tv_sec;
	}
	if (!is_there || is_newer)
		snprintf(out->why, sizeof(out->why),
			 "%s: what was read here Postfix does when postmap has made one",
			 is_there ? "its text is newer than its index" : "there is no index of it");
}

/* postmap(1): each question is a process. A library of tables is not given somebody else's with our rights. */
static int questions_collect(struct import_source *s)
{
	struct local_tool tools[AT_ONCE];
	struct import_piece *out[AT_ONCE];
	unsigned count = 0;
	int ret = 0;

	for (unsigned i = 0; ret == 0 && i <= s->answer_count; i++) {
		if (i < s->answer_count && s->answer[i].want.is_question) {
			out[count] = &s->answer[i].said;
			tools[count++] = (struct local_tool){
				LOCAL_POSTCONF,
				{"postmap"},
				{"-q", s->answer[i].want.key, import_spec(s->answer[i].want.spec)},
				"-c",
				s->directory,
				is_others_table(s->answer[i].want.spec) ? LOCAL_NOBODY_ONLY
									: LOCAL_NOBODY_FIRST};
		}
		if (count && (count == AT_ONCE || i == s->answer_count)) {
			ret = tools_run(tools, out, count);
			count = 0;
		}
	}
	return ret;
}

static int tables_collect(struct import_source *s, const struct import_want *wants, size_t count)
{
	bool is_others = s->directory[0] && local_config_is_others(s->directory);

	for (size_t i = 0; i < count && i < IMPORT_WANTS_MAX; i++) {
		const struct import_want *w = &wants[i];
		struct import_piece *said = &s->answer[s->answer_count].said;

		if (!memchr(w->spec, '\0', sizeof(w->spec)) ||
		    !memchr(w->key, '\0', sizeof(w->key)) || !import_want_check(w))
			return -EBADMSG;
		s->answer[s->answer_count++].want = *w;
		if (w->is_question)
			continue;
		if (geteuid() == 0 && is_others) {
			said->code = -EPERM;
			snprintf(said->why, sizeof(said->why),
				 "others than root may write this configuration, so root reads no "
				 "file that it names");
		} else {
			table_collect(access_path(w->spec), is_others_table(w->spec), said);
			index_compare(w->spec, said);
		}
	}
	return questions_collect(s);
}

/* ---- without ---- */

struct import_job {
	struct cli *cli;
	struct import_source *source;
};

static int wants_work(void *context, int fd, pid_t parent)
{
	const struct import_job *job = context;
	int status = worker_drop(job->cli, FILES, parent);
	struct import_want *list = calloc(IMPORT_WANTS_MAX, sizeof(*list));
	size_t size, done = 0;
	ssize_t n = 1;

	if (status == 0 && !list)
		status = cli_fail(job->cli, WORKER_FAILED, "out of memory");
	if (status) {
		free(list);
		return status;
	}
	size = import_wants(job->source, list) * sizeof(*list);
	while (done < size && n > 0) {
		n = write(fd, (const char *)list + done, size - done);
		done += n > 0 ? (size_t)n : 0;
	}
	free(list);
	if (done == size)
		return CLI_DONE;
	return cli_fail(job->cli, WORKER_FAILED, "cannot say which tables are needed: %s",
			strerror(errno));
}

static int convert_work(void *context, int fd, pid_t parent)
{
	const struct import_job *job = context;
	int status = worker_drop(job->cli, FILES, parent);
	struct import_rows rows;
	unsigned left;

	(void)fd;
	if (status)
		return status;
	if (import_rows_new(&rows, job->source->data) < 0 || import_convert(job->source, &rows) < 0)
		return cli_fail(job->cli, WORKER_FAILED, "out of memory");
	if (job->cli->json)
		(void)import_print_json(&rows, stdout);
	else
		import_print(job->source, &rows, stdout);
	left = import_count(&rows, IMPORT_LEFT);
	if (left)
		cli_warn(job->cli, "%u thing%s could not be carried over: %s", left, plural(left),
			 job->cli->json ? "the rows with carried false say why"
					: "the comments say which, and why");
	import_rows_free(&rows);
	return CLI_DONE;
}

/* The tables that are wanted: count of them, for the caller to free. 0, or what worker_run() gives. */
static int wants_get(struct import_job *job, struct import_want **out, size_t *count, struct err *e)
{
	const struct worker w = {.run = wants_work,
				 .context = job,
				 .what = "reads the configuration of Postfix",
				 .bytes_max = IMPORT_WANTS_MAX * sizeof(struct import_want),
				 .cpu_s = CPU_MAX_S};
	char *bytes = NULL;
	size_t length = 0;
	int ret = worker_run(&w, &bytes, &length, e);

	*out = (struct import_want *)(void *)bytes;
	*count = length / sizeof(**out);
	return ret;
}

static int convert_run(struct import_job *job, struct err *e)
{
	const struct worker w = {.run = convert_work,
				 .context = job,
				 .what = "reads the configuration of Postfix",
				 .cpu_s = CPU_MAX_S};

	return worker_run(&w, NULL, NULL, e);
}

/* ---- the verb ---- */

static int directory_take(struct import_source *s, const char *name, struct err *e)
{
	char path[PATH_MAX];
	struct stat st;

	if (!realpath(name, path))
		return err_set(e, -errno, "cannot read the Postfix configuration %s: %s", name,
			       strerror(errno));
	if (strlen(path) >= LOCAL_PATH_MAX)
		return err_set(e, -ENAMETOOLONG, "the path %s is too long", name);
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(e, -ENOTDIR, "%s is no directory: name the one with main.cf", name);
	snprintf(s->directory, sizeof(s->directory), "%s", path);
	return 0;
}

/* What is known of lists that are gone. Without it `config check` will say. */
static struct zonedata *data_read(const struct cli *cli)
{
	struct conf *c = calloc(1, sizeof(*c));
	struct dns_settings *settings = NULL;
	struct zonedata *data = NULL;
	struct err e = {0};

	if (c) {
		conf_defaults(c);
		if (asking_settings(c, cli->config_path, &settings, &data, &e) < 0)
			cli_warn(cli, "%s", e.text);
	}
	free(settings);
	free(c);
	return data;
}

static void source_free(struct import_source *s)
{
	struct import_piece *const pieces[] = {&s->all, &s->own, &s->services, &s->master};

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		free(pieces[i]->bytes);
	for (unsigned i = 0; i < s->answer_count; i++)
		free(s->answer[i].said.bytes);
	zonedata_free((struct zonedata *)s->data);
	free(s);
}

static int postfix_import(struct import_job *job, struct err *e)
{
	struct import_source *s = job->source;
	struct import_want *wants = NULL;
	size_t count = 0;
	int ret = settings_collect(s);

	if (ret < 0)
		return err_set(e, ret, "cannot run postconf: %s", strerror(-ret));
	if (s->all.code == -ENOENT)
		return err_set(e, -ENOENT, "postconf is not on this host: is Postfix installed?");
	if (s->all.code < 0)
		return err_set(e, s->all.code, "postconf cannot read the configuration: %s",
			       s->all.why);
	ret = wants_get(job, &wants, &count, e);
	if (ret == 0)
		ret = tables_collect(s, wants, count);
	if (ret < 0 && !e->text[0])
		err_set(e, ret, "cannot read the tables of Postfix: %s", strerror(-ret));
	if (ret == 0)
		ret = convert_run(job, e);
	free(wants);
	return ret == WORKER_FAILED ? CLI_FAILED : ret;
}

int verb_import_postfix(struct cli *cli, const struct sentence *s)
{
	struct import_job job = {.cli = cli, .source = calloc(1, sizeof(*job.source))};
	struct err e = {0};
	int ret = 0;

	if (!job.source)
		return cli_fail(cli, CLI_FAILED, "out of memory");
	job.source->at_s = now_wall_s();
	if (s->word_count)
		ret = directory_take(job.source, s->word[0], &e);
	if (ret == 0) {
		job.source->data = data_read(cli);
		ret = postfix_import(&job, &e);
	}
	source_free(job.source);
	return ret < 0 ? cli_fail_err(cli, CLI_FAILED, &e) : ret;
}
