/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs on real threads, several cores at once, caches far too small: every byte must still be
 * right. Built with -Db_sanitize=thread it also shows that nothing but the jobs is shared.
 */
#include "fixture.h"

#include <pthread.h>
#include <stdlib.h>

#include "reader.h"

enum {
	CORES = 3,
	WORKERS = 2,
	MESSAGES = 60,
	MESSAGE_BYTES = 290 << 10, /* mapped, one a segment */
	READS = 400,
};

/* A queue of jobs towards the workers, and one of answers to each core. */
struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct work *works[256];
	unsigned first, n;
	bool closed;
};

struct core {
	struct work_port port;
	struct queue answers;
	struct fixture *fixture;
	unsigned number, woken, reads;
};

static struct queue jobs;

static void queue_init(struct queue *queue)
{
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->filled, NULL);
}

static void queue_put(struct queue *queue, struct work *work)
{
	pthread_mutex_lock(&queue->lock);
	ASSERT(queue->n < 256);
	queue->works[(queue->first + queue->n++) % 256] = work;
	pthread_cond_signal(&queue->filled);
	pthread_mutex_unlock(&queue->lock);
}

/* NULL: closed. */
static struct work *queue_take(struct queue *queue)
{
	struct work *work = NULL;

	pthread_mutex_lock(&queue->lock);
	while (queue->n == 0 && !queue->closed)
		pthread_cond_wait(&queue->filled, &queue->lock);
	if (queue->n > 0) {
		work = queue->works[queue->first];
		queue->first = (queue->first + 1) % 256;
		queue->n--;
	}
	pthread_mutex_unlock(&queue->lock);
	return work;
}

static int submit(struct work_port *port, enum work_kind kind, struct work *work)
{
	(void)port;
	(void)kind;
	queue_put(&jobs, work);
	return 0;
}

static void *worker(void *arg)
{
	struct work *work;

	(void)arg;
	while ((work = queue_take(&jobs)) != NULL) {
		work->run(work);
		queue_put(&((struct core *)work->port)->answers, work);
	}
	return NULL;
}

struct caller {
	struct store_wait wait;
	struct core *core;
};

static void woken(struct store_wait *wait)
{
	((struct caller *)wait)->core->woken++;
}

/* Answers are taken until this caller was woken. */
static void await(struct core *core)
{
	unsigned before = core->woken;

	while (core->woken == before) {
		struct work *work = queue_take(&core->answers);

		work->done(work);
	}
}

static void message_read(struct core *core, struct store_reader *reader, struct store_view *view,
			 struct caller *caller, uint32_t index)
{
	uint8_t *expected = fixture_message(index, MESSAGE_BYTES);
	uint32_t off = 0;

	while (off < MESSAGE_BYTES) {
		struct span span;
		int status =
			store_mail(reader, view, index, off, MESSAGE_BYTES, &caller->wait, &span);

		if (status == -EAGAIN) {
			await(core);
			continue;
		}
		ASSERT(status == 0 && memcmp(span.ptr, expected + off, span.len) == 0);
		off += (uint32_t)span.len;
		ASSERT(store_reader_release(reader) == 0);
	}
	free(expected);
	core->reads++;
}

static void *core_run(void *arg)
{
	struct core *core = arg;
	struct store_reader *reader = store_reader_create(core->fixture->store, &core->port, 4);
	struct caller caller = {.wait = {.woken = woken}, .core = core};
	struct store_account *account;
	struct store_view *view;
	uint64_t random = core->number + 1;

	reader->segments_max = 3;
	while (store_account_get(reader, fixture_uuid, &caller.wait, &account) == -EAGAIN)
		await(core);
	while (store_view_get(reader, account, 0, &caller.wait, &view) == -EAGAIN)
		await(core);
	for (unsigned k = 0; k < READS; k++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		message_read(core, reader, view, &caller, (uint32_t)(random >> 40) % MESSAGES);
	}
	store_view_put(&view);
	store_account_put(&account);
	while (reader->jobs_free_n < reader->jobs_n || reader->retirement.under_way) {
		struct work *work = queue_take(&core->answers);

		work->done(work);
	}
	store_reader_destroy(&reader);
	return NULL;
}

static void test_threads(void **state)
{
	struct fixture *fixture = *state;
	struct store_import *import;
	struct core cores[CORES] = {0};
	pthread_t core_threads[CORES], workers[WORKERS];

	store_close(&fixture->store);
	fixture->segment_bytes_max = 300 << 10;
	fixture_store_open(fixture);
	import = fixture_import_open(fixture);
	for (unsigned k = 0; k < MESSAGES; k++)
		fixture_import_add(fixture, import, 0, k, MESSAGE_BYTES);
	fixture_import_close(fixture, &import);
	queue_init(&jobs);
	for (unsigned k = 0; k < WORKERS; k++)
		pthread_create(&workers[k], NULL, worker, NULL);
	for (unsigned k = 0; k < CORES; k++) {
		cores[k] =
			(struct core){.port = {.submit = submit}, .fixture = fixture, .number = k};
		queue_init(&cores[k].answers);
		pthread_create(&core_threads[k], NULL, core_run, &cores[k]);
	}
	for (unsigned k = 0; k < CORES; k++) {
		pthread_join(core_threads[k], NULL);
		assert_int_equal(cores[k].reads, READS);
	}
	pthread_mutex_lock(&jobs.lock);
	jobs.closed = true;
	pthread_cond_broadcast(&jobs.filled);
	pthread_mutex_unlock(&jobs.lock);
	for (unsigned k = 0; k < WORKERS; k++)
		pthread_join(workers[k], NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_threads, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
