/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crc32c.h"

const uint8_t fixture_uuid[16] = {0xab, 0xcd, 0x01, 0x02, 0x03, 0x04, 0x45, 0x06,
				  0x87, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e};
#define ACCOUNT_PATH "ab/cd/abcd0102-0304-4506-8708-090a0b0c0d0e"

/* --- A preparer whose answers can be foretold --- */

struct preparer {
	uint8_t derived[FIXTURE_DERIVED_MAX];
};

size_t fixture_derive(struct span message, uint8_t derived_r[FIXTURE_DERIVED_MAX])
{
	size_t len = 8 + message.len % (FIXTURE_DERIVED_MAX - 8);
	uint64_t size = message.len;

	memset(derived_r, message.len > 0 ? message.ptr[message.len - 1] : 0, len);
	memcpy(derived_r, &size, sizeof(size));
	return len;
}

static void *preparer_create(void)
{
	return calloc(1, sizeof(struct preparer));
}

static void preparer_destroy(void **preparer)
{
	free(*preparer);
	*preparer = NULL;
}

static int prepare(void *preparer, struct span message, struct span *derived_r)
{
	struct preparer *own = preparer;

	*derived_r = (struct span){own->derived, fixture_derive(message, own->derived)};
	return 0;
}

uint8_t *fixture_message(uint64_t seed, size_t len)
{
	uint8_t *bytes = malloc(len > 0 ? len : 1);
	uint64_t state = seed * 0x9e3779b97f4a7c15 + 1;

	for (size_t i = 0; i < len; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		bytes[i] = (uint8_t)(state >> 32);
	}
	return bytes;
}

/* --- Opening --- */

static void log_write(struct log *log, enum log_level level, const char *line)
{
	struct fixture *fixture =
		(struct fixture *)((uint8_t *)log - offsetof(struct fixture, log));

	if (level == LOG_LEVEL_ERROR) {
		fixture->log_lines++;
		snprintf(fixture->log_last, sizeof(fixture->log_last), "%s", line);
	}
}

void fixture_store_open(struct fixture *fixture)
{
	const char *volume = fixture->directory;
	struct store_config config = {
		.volumes = &volume,
		.volumes_n = 1,
		.segment_bytes_max = fixture->segment_bytes_max,
		.log = &fixture->log,
		.prepare_version = fixture->prepare_version,
		.preparer_create = preparer_create,
		.preparer_destroy = preparer_destroy,
		.prepare = prepare,
	};

	if (store_open(&config, &fixture->store, &fixture->error) != 0)
		fail_msg("%s", fixture->error.text);
}

void fixture_store_close(struct fixture *fixture)
{
	store_close(&fixture->store);
}

void fixture_reader_open(struct fixture *fixture, unsigned jobs_max)
{
	mock_work_init(&fixture->work);
	fixture->reader = store_reader_create(fixture->store, &fixture->work.port, jobs_max);
	assert_non_null(fixture->reader);
}

void fixture_reader_close(struct fixture *fixture)
{
	mock_work_run(&fixture->work);
	store_reader_destroy(&fixture->reader);
	assert_null(fixture->reader);
}

int fixture_setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	snprintf(fixture->directory, sizeof(fixture->directory), "/tmp/wiremap-store-XXXXXX");
	if (mkdtemp(fixture->directory) == NULL)
		return -1;
	fixture->log = (struct log){.write = log_write, .level_max = LOG_LEVEL_WARNING};
	fixture->prepare_version = 1;
	fixture_store_open(fixture);
	*state = fixture;
	return 0;
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

int fixture_teardown(void **state)
{
	struct fixture *fixture = *state;

	store_close(&fixture->store);
	nftw(fixture->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(fixture);
	return 0;
}

/* --- Importing --- */

struct store_import *fixture_import_open(struct fixture *fixture)
{
	struct store_import *import;

	if (store_import_open(fixture->store, fixture_uuid, &import, &fixture->error) != 0)
		fail_msg("%s", fixture->error.text);
	return import;
}

void fixture_import_close(struct fixture *fixture, struct store_import **import)
{
	if (store_import_close(import, &fixture->error) != 0)
		fail_msg("%s", fixture->error.text);
	assert_null(*import);
}

int fixture_import_add(struct fixture *fixture, struct store_import *import, unsigned mailbox,
		       uint64_t seed, size_t len)
{
	static const uint8_t work[] = "work", odd[] = "$Odd";
	const struct span keywords[] = {{work, 4}, {odd, 4}};
	uint8_t *bytes = fixture_message(seed, len);
	struct store_message message = {
		.bytes = {bytes, len},
		.date = {.utc_s = 1000000000 + (int64_t)seed, .zone_min = (int16_t)(seed % 700)},
		.system = (uint32_t)seed % 32,
		.keywords = keywords,
		.keywords_n = (unsigned)(seed % 3),
	};
	int status = store_import_message(import, mailbox, &message, &fixture->error);

	free(bytes);
	if (status < 0)
		fail_msg("%s", fixture->error.text);
	return status;
}

/* --- Reading --- */

static void woken_nothing(struct store_wait *wait)
{
	(void)wait;
}

int fixture_account(struct fixture *fixture, struct store_account **account_r)
{
	struct store_wait wait = {.woken = woken_nothing};
	int status;

	while ((status = store_account_get(fixture->reader, fixture_uuid, &wait, account_r)) ==
	       -EAGAIN)
		mock_work_run(&fixture->work);
	return status;
}

int fixture_view(struct fixture *fixture, struct store_account *account, const char *name,
		 struct store_view **view_r)
{
	struct store_wait wait = {.woken = woken_nothing};
	int status, number = store_mailbox_find(account, span_of(name));

	*view_r = NULL;
	if (number < 0)
		return number;
	while ((status = store_view_get(fixture->reader, account, (unsigned)number, &wait,
					view_r)) == -EAGAIN)
		mock_work_run(&fixture->work);
	return status;
}

int fixture_meta(struct fixture *fixture, struct store_view *view, uint32_t index,
		 struct span *derived_r)
{
	struct store_wait wait = {.woken = woken_nothing};
	int status;

	while ((status = store_meta(fixture->reader, view, index, &wait, derived_r)) == -EAGAIN)
		mock_work_run(&fixture->work);
	return status;
}

int fixture_mail(struct fixture *fixture, struct store_view *view, uint32_t index,
		 uint8_t **bytes_r, size_t *len_r)
{
	struct store_wait wait = {.woken = woken_nothing};
	uint32_t size = store_view_size(view, index);
	uint8_t *bytes = malloc(size > 0 ? size : 1);
	uint32_t off = 0;

	while (off < size) {
		struct span span;
		int status =
			store_mail(fixture->reader, view, index, off, size - off, &wait, &span);

		if (status == -EAGAIN) {
			mock_work_run(&fixture->work);
			continue;
		}
		if (status != 0) {
			free(bytes);
			return status;
		}
		assert_true(span.len > 0 && span.len <= size - off);
		memcpy(bytes + off, span.ptr, span.len);
		off += (uint32_t)span.len;
	}
	*bytes_r = bytes;
	*len_r = size;
	return 0;
}

void fixture_message_check(struct fixture *fixture, struct store_view *view, uint32_t index,
			   uint64_t seed, size_t len)
{
	uint8_t *expected = fixture_message(seed, len), *bytes;
	uint8_t derived[FIXTURE_DERIVED_MAX];
	size_t derived_len = fixture_derive((struct span){expected, len}, derived);
	struct store_flags flags;
	struct span span;
	size_t size;

	assert_int_equal(store_view_size(view, index), len);
	assert_int_equal(fixture_mail(fixture, view, index, &bytes, &size), 0);
	assert_memory_equal(bytes, expected, len);
	assert_int_equal(fixture_meta(fixture, view, index, &span), 0);
	assert_int_equal(span.len, derived_len);
	assert_memory_equal(span.ptr, derived, derived_len);
	assert_int_equal(store_view_date(view, index).utc_s, 1000000000 + (int64_t)seed);
	assert_int_equal(store_view_date(view, index).zone_min, seed % 700);
	store_view_flags(view, index, &flags);
	assert_int_equal(flags.system, seed % 32);
	assert_int_equal(flags.keywords[0], (1u << seed % 3) - 1);
	free(bytes);
	free(expected);
}

/* --- Files --- */

void fixture_file_path(const struct fixture *fixture, const char *name, char path_r[256])
{
	snprintf(path_r, 256, "%s/" ACCOUNT_PATH "/%s", fixture->directory, name);
}

uint8_t *fixture_file_read(struct fixture *fixture, const char *name, size_t *len_r)
{
	char path[256];
	struct stat stat_r;
	uint8_t *bytes;
	FILE *file;

	fixture_file_path(fixture, name, path);
	assert_int_equal(stat(path, &stat_r), 0);
	bytes = malloc((size_t)stat_r.st_size + 1);
	file = fopen(path, "r");
	*len_r = fread(bytes, 1, (size_t)stat_r.st_size, file);
	assert_int_equal(*len_r, stat_r.st_size);
	fclose(file);
	return bytes;
}

void fixture_file_write(struct fixture *fixture, const char *name, const uint8_t *bytes, size_t len)
{
	char path[256];
	FILE *file;

	fixture_file_path(fixture, name, path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

struct fixture_patch fixture_patch_begin(struct fixture *fixture)
{
	struct fixture_patch patch;

	patch.bytes = fixture_file_read(fixture, "checkpoint", &patch.len);
	patch.header = (struct disk_checkpoint *)patch.bytes;
	patch.mailboxes = (struct disk_mailbox *)(patch.bytes + patch.header->mailbox_table.off);
	patch.segments = (struct disk_segment *)(patch.bytes + patch.header->segment_table.off);
	patch.mids = (struct disk_mid *)(patch.bytes + patch.header->mid_table.off);
	return patch;
}

static void sign(const struct fixture_patch *patch, struct disk_extent *extent)
{
	if (extent->off <= patch->len && extent->len <= patch->len - extent->off)
		extent->crc = store_crc32c(0, patch->bytes + extent->off, extent->len);
}

void fixture_patch_end(struct fixture *fixture, struct fixture_patch *patch)
{
	for (uint32_t k = 0; k < patch->header->mailboxes; k++)
		sign(patch, &patch->mailboxes[k].columns);
	sign(patch, &patch->header->mailbox_table);
	sign(patch, &patch->header->strings);
	sign(patch, &patch->header->segment_table);
	sign(patch, &patch->header->mid_table);
	sign(patch, &patch->header->emailid_table);
	patch->header->crc = store_crc32c(0, patch->header, offsetof(struct disk_checkpoint, crc));
	fixture_file_write(fixture, "checkpoint", patch->bytes, patch->len);
	free(patch->bytes);
}
