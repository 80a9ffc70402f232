/* SPDX-License-Identifier: Apache-2.0 */
/* A volume in a directory of its own, an account in it, and a reader over a mock work port. */
#ifndef WIREMAP_STORE_FIXTURE_H
#define WIREMAP_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "format.h"
#include "mock_work.h"
#include "store.h"

enum { FIXTURE_DERIVED_MAX = 200 };

struct fixture {
	char directory[64];
	struct store *store;
	struct store_error error;
	struct mock_work work;
	struct store_reader *reader;
	struct log log;
	unsigned log_lines;
	char log_last[LOG_LINE_BYTES_MAX];
	uint32_t prepare_version;
	uint64_t segment_bytes_max;
};

extern const uint8_t fixture_uuid[16];

/* For cmocka: *state becomes a struct fixture with a fresh volume, locked. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

void fixture_store_open(struct fixture *fixture);
void fixture_store_close(struct fixture *fixture);
void fixture_reader_open(struct fixture *fixture, unsigned jobs_max);
void fixture_reader_close(struct fixture *fixture);

/* What the fixture's prepare() makes of a message. */
size_t fixture_derive(struct span message, uint8_t derived_r[FIXTURE_DERIVED_MAX]);

/* `len` bytes that differ from seed to seed. Caller frees. */
uint8_t *fixture_message(uint64_t seed, size_t len);

struct store_import *fixture_import_open(struct fixture *fixture);
void fixture_import_close(struct fixture *fixture, struct store_import **import);
/* Adds a message of that seed and length, flags and date from the seed. What import says. */
int fixture_import_add(struct fixture *fixture, struct store_import *import, unsigned mailbox,
		       uint64_t seed, size_t len);

/* Ask, run the jobs, ask again, until it is no -EAGAIN. */
int fixture_account(struct fixture *fixture, struct store_account **account_r);
int fixture_view(struct fixture *fixture, struct store_account *account, const char *name,
		 struct store_view **view_r);
int fixture_meta(struct fixture *fixture, struct store_view *view, uint32_t index,
		 struct span *derived_r);
/* All of the message, gathered. Caller frees. */
int fixture_mail(struct fixture *fixture, struct store_view *view, uint32_t index,
		 uint8_t **bytes_r, size_t *len_r);

/* The message at `index` is that of the seed, and its derived bytes are what they should be. */
void fixture_message_check(struct fixture *fixture, struct store_view *view, uint32_t index,
			   uint64_t seed, size_t len);

/* A file of the account, whole. Caller frees. */
uint8_t *fixture_file_read(struct fixture *fixture, const char *name, size_t *len_r);
void fixture_file_write(struct fixture *fixture, const char *name, const uint8_t *bytes,
			size_t len);
void fixture_file_path(const struct fixture *fixture, const char *name, char path_r[256]);

/* A checkpoint that is whole and wrong: its bytes, to be changed before they are signed anew. */
struct fixture_patch {
	uint8_t *bytes;
	size_t len;
	struct disk_checkpoint *header;
	struct disk_mailbox *mailboxes;
	struct disk_segment *segments;
	struct disk_mid *mids;
};

struct fixture_patch fixture_patch_begin(struct fixture *fixture);
/* Every checksum is made right, inside out, and the file written. */
void fixture_patch_end(struct fixture *fixture, struct fixture_patch *patch);

#endif
