/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scripts of segments against the TCP, in virtual time. README.md has the language.
 *
 *     packet [--trace] SCRIPT...
 *     packet --planted SCRIPT...
 *
 * Prints TAP: one test for each script, or for each of a folder. With --planted every script must
 * fail, and with the message that its line `# fails: TEXT` has a part of.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "eal.h"
#include "run.h"

enum { SCRIPTS_MAX = 1024, PATH_BYTES = 512, MEMORY_MB = 64 };

static char paths[SCRIPTS_MAX][PATH_BYTES];
static unsigned paths_n;

static int path_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool path_add(const char *path)
{
	if (paths_n == SCRIPTS_MAX || strlen(path) >= PATH_BYTES)
		return false;
	snprintf(paths[paths_n++], PATH_BYTES, "%s", path);
	return true;
}

/* A script, or all of a folder. */
static bool paths_take(const char *argument)
{
	char path[2 * PATH_BYTES];
	const struct dirent *entry;
	struct stat status;
	DIR *folder;
	bool taken = true;

	if (stat(argument, &status) != 0 || !S_ISDIR(status.st_mode))
		return path_add(argument);
	folder = opendir(argument);
	while (folder != NULL && taken && (entry = readdir(folder)) != NULL) {
		const char *end = strrchr(entry->d_name, '.');

		snprintf(path, sizeof(path), "%s/%s", argument, entry->d_name);
		if (end != NULL && strcmp(end, ".pkt") == 0)
			taken = path_add(path);
	}
	if (folder != NULL)
		closedir(folder);
	return taken;
}

/* What the line `# fails: TEXT` of a planted script says. */
static bool planted_text(const char *path, char *text_r, int room)
{
	static const char mark[] = "# fails: ";
	FILE *file = fopen(path, "r");
	bool found = false;

	while (file != NULL && !found && fgets(text_r, room, file) != NULL)
		found = strncmp(text_r, mark, strlen(mark)) == 0;
	if (file != NULL)
		fclose(file);
	if (!found)
		return false;
	text_r[strcspn(text_r, "\n")] = 0;
	memmove(text_r, text_r + strlen(mark), strlen(text_r + strlen(mark)) + 1);
	return true;
}

static bool planted_seen(const char *path, char *message)
{
	char wanted[PATH_BYTES];
	bool passed = run_script(path, NULL, message);

	if (!planted_text(path, wanted, sizeof(wanted))) {
		snprintf(message, RUN_MESSAGE_MAX, "it does not say how it `# fails: `");
		return false;
	}
	if (passed)
		snprintf(message, RUN_MESSAGE_MAX, "it must fail, and passed");
	return !passed && strstr(message, wanted) != NULL;
}

/* As TAP has it: each line of the message is a comment. */
static void message_print(char *message)
{
	char *saved = NULL;

	for (char *line = strtok_r(message, "\n", &saved); line != NULL;
	     line = strtok_r(NULL, "\n", &saved))
		printf("# %s\n", line);
}

int main(int argc, char **argv)
{
	static char message[RUN_MESSAGE_MAX];
	bool planted = false, trace = false;
	unsigned failed = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--planted") == 0)
			planted = true;
		else if (strcmp(argv[i], "--trace") == 0)
			trace = true;
		else if (!paths_take(argv[i]))
			return 2;
	}
	if (paths_n == 0 || eal_start(MEMORY_MB) != 0) {
		fprintf(stderr, "usage: packet [--trace] [--planted] SCRIPT|FOLDER...\n");
		return 2;
	}
	/* A crash must not take with it what was said before. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	qsort(paths, paths_n, PATH_BYTES, path_compare);
	printf("1..%u\n", paths_n);
	for (unsigned i = 0; i < paths_n; i++) {
		bool passed = planted ? planted_seen(paths[i], message)
				      : run_script(paths[i], trace ? stderr : NULL, message);

		failed += !passed;
		printf("%s %u - %s\n", passed ? "ok" : "not ok", i + 1, paths[i]);
		if (!passed)
			message_print(message);
	}
	return failed > 0;
}
