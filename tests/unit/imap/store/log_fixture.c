/* SPDX-License-Identifier: Apache-2.0 */
#include "log_fixture.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commit_log_state.h"

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

void log_directory_make(char path_r[64])
{
	bool memory = access("/dev/shm", W_OK) == 0;

	snprintf(path_r, 64, "%s/wiremap-log-XXXXXX", memory ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(path_r));
}

void log_directory_remove(const char *path)
{
	nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int log_fixture_setup(void **state)
{
	struct log_fixture *fixture = calloc(1, sizeof(*fixture));

	log_directory_make(fixture->directory);
	fixture->file = open(fixture->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fixture->file >= 0);
	disk_faults_make(&fixture->faults, store_disk_system());
	fixture->config = (struct store_log_config){
		.disk = &fixture->faults.disk,
		.directory = fixture->file,
		.volume = {1, 2, 3},
		.writer = 7,
		.file_bytes = STORE_LOG_FILE_BYTES_MIN,
	};
	*state = fixture;
	return 0;
}

int log_fixture_teardown(void **state)
{
	struct log_fixture *fixture = *state;

	store_log_close(&fixture->log);
	close(fixture->file);
	log_directory_remove(fixture->directory);
	free(fixture);
	return 0;
}

size_t log_body(uint64_t lsn, uint8_t bytes_r[LOG_BODY_BYTES_MAX])
{
	uint64_t state = lsn * UINT64_C(0x9e3779b97f4a7c15);
	size_t len = 1 + (state >> 32) % (lsn % 3 == 0 ? LOG_BODY_BYTES_MAX : 300);

	for (size_t k = 0; k < len; k++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		bytes_r[k] = (uint8_t)state;
	}
	return len;
}

int log_fixture_open(struct log_fixture *fixture)
{
	fixture->config.seed++;
	return store_log_open(&fixture->config, &fixture->log, &fixture->error);
}

void log_fixture_kill(struct log_fixture *fixture)
{
	/* A dead log closes without a word. */
	fixture->log->state = STORE_LOG_READ_ONLY;
	fixture->log->flushing = false;
	store_log_close(&fixture->log);
}

int log_fixture_write(struct log_fixture *fixture)
{
	uint8_t body[LOG_BODY_BYTES_MAX];
	struct store_log_stats stats;
	uint64_t lsn;
	int status;

	store_log_stats(fixture->log, &stats);
	/* In two parts, the first may be empty. */
	size_t len = log_body(stats.lsn + 1, body), half = len / 3;
	struct span parts[] = {{body, half}, {body + half, len - half}};

	status = store_log_write(fixture->log, parts, 2, (uint32_t)len, &lsn);
	if (status == 0)
		assert_int_equal(lsn, stats.lsn + 1);
	return status;
}

void log_fixture_replay(struct log_fixture *fixture, uint64_t from, uint64_t to)
{
	uint8_t body[LOG_BODY_BYTES_MAX];
	struct store_log_group group;

	for (uint64_t lsn = from; lsn <= to; lsn++) {
		size_t len = log_body(lsn, body);

		assert_int_equal(store_log_replay(fixture->log, &group), 1);
		assert_int_equal(group.lsn, lsn);
		if (group.changes == 0) { /* of a closing */
			assert_int_equal(group.body.len, 0);
			continue;
		}
		assert_int_equal(group.changes, len);
		assert_int_equal(group.body.len, len);
		assert_memory_equal(group.body.ptr, body, len);
	}
	assert_int_equal(store_log_replay(fixture->log, &group), 0);
}

uint8_t *log_file_read(const struct log_fixture *fixture, const char *name, size_t *len_r)
{
	int file = openat(fixture->file, name, O_RDONLY | O_CLOEXEC);
	off_t len = lseek(file, 0, SEEK_END);
	uint8_t *bytes = malloc((size_t)len + 1);

	assert_true(file >= 0);
	assert_int_equal(pread(file, bytes, (size_t)len, 0), len);
	close(file);
	*len_r = (size_t)len;
	return bytes;
}

void log_file_write(const struct log_fixture *fixture, const char *name, const void *bytes,
		    size_t len)
{
	int file = openat(fixture->file, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(file >= 0);
	assert_int_equal(pwrite(file, bytes, len, 0), len);
	close(file);
}
