/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an append of 8 KiB costs in the commit log, one to a flush and 16 to a flush: microseconds
 * and fdatasyncs each. In a directory on the disk that is to be measured:
 *
 *     taskset -c 1 build/tests/bench/bench_commit_log DIRECTORY
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "commit_log.h"

enum { MAIL_BYTES = 8192, APPENDS = 4096, FILE_BYTES = 16 << 20 };

static unsigned syncs;

static int counted_sync(struct store_disk *disk, int file)
{
	(void)disk;
	syncs++;
	return fdatasync(file);
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int measure(struct store_log *log, unsigned group)
{
	static uint8_t mail[MAIL_BYTES];
	const struct span part = {mail, MAIL_BYTES};
	double start = now_us();
	int status = 0;
	uint64_t lsn = 0;

	syncs = 0;
	for (unsigned k = 0; k < APPENDS && status == 0; k++) {
		mail[0] = (uint8_t)k;
		status = store_log_write(log, &part, 1, 1, &lsn);
		if (status == 0 && k % group == group - 1)
			status = store_log_sync(log);
		if (status == 0 && k % 512 == 511)
			store_log_applied(log, lsn);
	}
	printf("%2u to a flush: %8.1f us and %.3f fdatasync an append of 8 KiB\n", group,
	       (now_us() - start) / APPENDS, (double)syncs / APPENDS);
	return status;
}

int main(int argc, char **argv)
{
	char path[] = "bench-commit-log-XXXXXX", name[32];
	struct store_disk disk = *store_disk_system();
	struct store_log_config config = {.disk = &disk, .file_bytes = FILE_BYTES, .seed = 1};
	struct store_error error = {""};
	struct store_log *log;
	int status;

	disk.sync = counted_sync;
	if ((argc > 1 && chdir(argv[1]) != 0) || mkdtemp(path) == NULL)
		return 1;
	config.directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	status = store_log_open(&config, &log, &error);
	/* The first round makes the files. */
	for (unsigned round = 0; round < 3 && status == 0; round++) {
		printf("%s\n", round == 0 ? "making the files" : "files taken again");
		status = measure(log, 1);
		if (status == 0)
			status = measure(log, 16);
	}
	store_log_close(&log);
	for (unsigned k = 0; k < STORE_LOG_FILES_MAX; k++) {
		snprintf(name, sizeof(name), "log.0.%u", k);
		unlinkat(config.directory, name, 0);
	}
	close(config.directory);
	rmdir(path);
	if (status != 0)
		fprintf(stderr, "error %d %s\n", -status, error.text);
	return status != 0;
}
