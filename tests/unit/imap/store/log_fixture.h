/* SPDX-License-Identifier: Apache-2.0 */
/* A commit log in a directory of its own (in memory, where there is such), over a disk that can
 * be told to fail; its groups' bodies follow from their LSN. */
#ifndef WIREMAP_STORE_LOG_FIXTURE_H
#define WIREMAP_STORE_LOG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "commit_log.h"
#include "disk_faults.h"

enum { LOG_BODY_BYTES_MAX = 20000 };

struct log_fixture {
	char directory[64];
	int file; /* of the directory */
	struct disk_faults faults;
	struct store_log_config config;
	struct store_log *log;
	struct store_error error;
};

/* For cmocka: *state becomes a struct log_fixture, its log not opened yet. */
int log_fixture_setup(void **state);
int log_fixture_teardown(void **state);

/* A directory that is gone with directory_remove(). */
void log_directory_make(char path_r[64]);
void log_directory_remove(const char *path);

/* The body of group `lsn`: up to LOG_BODY_BYTES_MAX bytes. */
size_t log_body(uint64_t lsn, uint8_t bytes_r[LOG_BODY_BYTES_MAX]);

/* What store_log_open() says, with the next seed. */
int log_fixture_open(struct log_fixture *fixture);
/* As after a kill: nothing more is written. */
void log_fixture_kill(struct log_fixture *fixture);
/* The next group. What store_log_write() says. */
int log_fixture_write(struct log_fixture *fixture);
/* Reads the replay: groups from..to, each with its body, and no more. */
void log_fixture_replay(struct log_fixture *fixture, uint64_t from, uint64_t to);

/* All of a file, caller frees; and all of it anew. */
uint8_t *log_file_read(const struct log_fixture *fixture, const char *name, size_t *len_r);
void log_file_write(const struct log_fixture *fixture, const char *name, const void *bytes,
		    size_t len);

#endif
