/* SPDX-License-Identifier: BSD-2-Clause */
/* The main function of every C test program: see tap.h. */
#include "tap.h"

#include <dirent.h>
#include <stdarg.h>

#include "base/temporary.h"

struct tap_test *tap_first;
/* Constructors of other files may run before this file's data would be set by code: keep it constant. */
struct tap_test **tap_last = &tap_first;
bool tap_failed;
const char *tap_skipped;

bool tap_expect(bool held, const char *file, int line, const char *format, ...)
{
	va_list ap;

	if (held)
		return true;
	tap_failed = true;
	printf("# %s:%d: ", file, line);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	return false;
}

static bool is_chosen(const struct tap_test *t, int argc, char **argv)
{
	if (argc < 2)
		return true;
	for (int i = 1; i < argc; i++)
		if (strstr(t->name, argv[i]))
			return true;
	return false;
}

static char *temp_template(char path[static TAP_TEMP_MAX], const char *name)
{
	char stem[TAP_TEMP_MAX];

	snprintf(stem, sizeof(stem), "/tmp/postern-%s", name);
	if (temporary_template(path, TAP_TEMP_MAX, stem) < 0)
		exit(EXIT_FAILURE);
	return path;
}

int tap_temp_file(char path[static TAP_TEMP_MAX], const char *name)
{
	return mkstemp(temp_template(path, name));
}

bool tap_temp_dir(char path[static TAP_TEMP_MAX], const char *name)
{
	return mkdtemp(temp_template(path, name)) != NULL;
}

unsigned tap_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

int main(int argc, char **argv)
{
	unsigned number = 0;
	bool all_held = true;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (struct tap_test *t = tap_first; t; t = t->next) {
		if (!is_chosen(t, argc, argv))
			continue;
		tap_failed = false;
		tap_skipped = NULL;
		t->run();
		printf("%sok %u - %s", tap_failed ? "not " : "", ++number, t->name);
		if (tap_skipped && !tap_failed)
			printf(" # SKIP %s", tap_skipped);
		putchar('\n');
		all_held &= !tap_failed;
	}
	printf("1..%u\n", number);
	return all_held ? EXIT_SUCCESS : EXIT_FAILURE;
}
