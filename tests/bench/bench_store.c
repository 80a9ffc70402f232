/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store costs a FETCH, ns each: a column, a row's columns, the place of a message's
 * derived bytes and of its own, all warm; and what warming costs. Pin it to a quiet core:
 *
 *     taskset -c 1 build/tests/bench/bench_store
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mock_work.h"
#include "store.h"

enum { MESSAGES = 10000, MAIL_BYTES = 8192, DERIVED_BYTES = 1500, ROUNDS = 200 };

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint8_t derived[DERIVED_BYTES], mail[MAIL_BYTES];

static void *preparer_create(void)
{
	return derived;
}

static void preparer_destroy(void **preparer)
{
	*preparer = NULL;
}

static int prepare(void *preparer, struct span message, struct span *derived_r)
{
	(void)message;
	*derived_r = (struct span){preparer, DERIVED_BYTES};
	return 0;
}

static void woken(struct store_wait *wait)
{
	(void)wait;
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

static const uint8_t uuid[16] = {1};

static bool fill(struct store *store)
{
	struct store_message message = {.bytes = {mail, MAIL_BYTES}};
	struct store_import *import;
	struct store_error error;
	uint64_t start = now_ns();
	int status = store_import_open(store, uuid, &import, &error);

	for (unsigned k = 0; k < MESSAGES && status >= 0; k++) {
		memcpy(mail, &k, sizeof(k));
		status = store_import_message(import, 0, &message, &error);
	}
	if (status >= 0)
		status = store_import_close(&import, &error);
	if (status != 0)
		fprintf(stderr, "%s\n", error.text);
	else
		printf("%-28s %8.0f messages/s\n", "import of 8 KiB",
		       MESSAGES * 1e9 / (double)(now_ns() - start));
	return status == 0;
}

struct bench {
	struct store_reader *reader;
	struct store_view *view;
	struct store_wait wait;
	struct mock_work *work;
};

typedef uint64_t measured(struct bench *bench, uint32_t index);

static uint64_t uid(struct bench *bench, uint32_t index)
{
	return store_view_uid(bench->view, index);
}

static uint64_t columns(struct bench *bench, uint32_t index)
{
	struct store_flags flags;

	store_view_flags(bench->view, index, &flags);
	return store_view_uid(bench->view, index) + store_view_size(bench->view, index) +
	       (uint64_t)store_view_date(bench->view, index).utc_s + flags.system;
}

static uint64_t meta(struct bench *bench, uint32_t index)
{
	struct span span = {0};

	while (store_meta(bench->reader, bench->view, index, &bench->wait, &span) == -EAGAIN)
		mock_work_run(bench->work);
	return span.len + (uintptr_t)span.ptr;
}

static uint64_t mail_start(struct bench *bench, uint32_t index)
{
	struct span span = {0};

	while (store_mail(bench->reader, bench->view, index, 0, MAIL_BYTES, &bench->wait, &span) ==
	       -EAGAIN)
		mock_work_run(bench->work);
	return span.len + (uintptr_t)span.ptr;
}

static uint64_t row(struct bench *bench, uint32_t index)
{
	return columns(bench, index) + meta(bench, index);
}

static void measure(struct bench *bench, const char *name, measured *what, unsigned rounds)
{
	volatile uint64_t sink = 0;
	uint64_t start = now_ns();

	for (unsigned round = 0; round < rounds; round++)
		for (uint32_t k = 0; k < MESSAGES; k++)
			sink += what(bench, k);
	(void)sink;
	printf("%-28s %8.1f ns\n", name, (double)(now_ns() - start) / rounds / MESSAGES);
}

static int run(struct store *store)
{
	struct mock_work work;
	struct bench bench = {.wait = {.woken = woken}, .work = &work};
	struct store_account *account = NULL;

	if (!fill(store))
		return 1;
	mock_work_init(&work);
	bench.reader = store_reader_create(store, &work.port, 16);
	while (store_account_get(bench.reader, uuid, &bench.wait, &account) == -EAGAIN ||
	       store_view_get(bench.reader, account, 0, &bench.wait, &bench.view) == -EAGAIN) {
		store_account_put(&account);
		mock_work_run(&work);
	}
	measure(&bench, "meta, first time (cold)", meta, 1);
	measure(&bench, "mail, first time (cold)", mail_start, 1);
	measure(&bench, "uid", uid, ROUNDS);
	measure(&bench, "uid, size, date, flags", columns, ROUNDS);
	measure(&bench, "meta", meta, ROUNDS);
	measure(&bench, "mail", mail_start, ROUNDS);
	measure(&bench, "a row: columns and meta", row, ROUNDS);
	store_view_put(&bench.view);
	store_account_put(&account);
	mock_work_run(&work);
	store_reader_destroy(&bench.reader);
	return 0;
}

int main(void)
{
	char directory[] = "/tmp/wiremap-bench-XXXXXX";
	const char *volume = mkdtemp(directory);
	struct store_config config = {
		.volumes = &volume,
		.volumes_n = 1,
		.prepare_version = 1,
		.preparer_create = preparer_create,
		.preparer_destroy = preparer_destroy,
		.prepare = prepare,
	};
	struct store_error error;
	struct store *store;
	int status = 1;

	if (volume == NULL)
		return 1;
	if (store_open(&config, &store, &error) == 0)
		status = run(store);
	else
		fprintf(stderr, "%s\n", error.text);
	store_close(&store);
	nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return status;
}
