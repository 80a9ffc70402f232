/* SPDX-License-Identifier: Apache-2.0 */
#include "reader.h"

#include <errno.h>
#include <stdlib.h>

#include "check.h"

/* --- Waiters --- */

static void wait_link(struct store_wait **list, struct store_wait *wait)
{
	store_wait_cancel(wait);
	wait->next = *list;
	wait->prev = list;
	if (*list != NULL)
		(*list)->prev = &wait->next;
	*list = wait;
}

void store_wait_cancel(struct store_wait *wait)
{
	if (wait->prev == NULL)
		return;
	*wait->prev = wait->next;
	if (wait->next != NULL)
		wait->next->prev = wait->prev;
	wait->next = NULL;
	wait->prev = NULL;
}

/* Whoever is woken may ask again, cancel others and be gone: each is off the list before. */
static void waiters_wake(struct store_wait **list)
{
	while (*list != NULL) {
		struct store_wait *wait = *list;

		store_wait_cancel(wait);
		wait->woken(wait);
	}
}

static uint32_t waiters_count(const struct store_wait *list)
{
	uint32_t n = 0;

	for (; list != NULL; list = list->next)
		n++;
	return n;
}

/* --- Failures --- */

static bool key_eq(const struct job_key *a, const struct job_key *b)
{
	return a->kind == b->kind && a->number == b->number && a->chunk == b->chunk &&
	       memcmp(a->uuid, b->uuid, sizeof(a->uuid)) == 0;
}

/* The oldest gives way: then its waiters try anew, which costs work but is right. */
static void failure_put(struct store_reader *reader, const struct job_key *key, int status,
			uint32_t waiters)
{
	if (waiters == 0)
		return;
	reader->failures[reader->failures_next] = (struct failure){*key, status, waiters};
	reader->failures_next = (reader->failures_next + 1) % READER_FAILURES;
}

static int failure_tell(struct store_reader *reader, const struct job_key *key)
{
	for (unsigned k = 0; k < READER_FAILURES; k++) {
		struct failure *failure = &reader->failures[k];

		if (failure->untold > 0 && key_eq(&failure->key, key)) {
			failure->untold--;
			return failure->status;
		}
	}
	return 0;
}

/* --- Jobs --- */

static void job_run(struct work *work)
{
	struct job *job = (struct job *)work; /* its first member */

	switch (job->key.kind) {
	case JOB_ACCOUNT:
		store_account_run(job);
		break;
	case JOB_VIEW:
		store_view_run(job);
		break;
	case JOB_WARM:
		store_warm_run(job);
		break;
	}
}

static void list_take_off(struct job **list, const struct job *job)
{
	while (*list != job)
		list = &(*list)->next;
	*list = job->next;
}

static void job_put_back(struct job *job)
{
	struct store_reader *reader = job->reader;

	job->next = reader->jobs_free;
	reader->jobs_free = job;
	reader->jobs_free_n++;
}

static void reader_free(struct store_reader *reader);
static void trim(struct store_reader *reader);

static void job_done(struct work *work)
{
	struct job *job = (struct job *)work;
	struct store_reader *reader = job->reader;
	struct store_wait *waiters = NULL;

	switch (job->key.kind) {
	case JOB_ACCOUNT:
		list_take_off(&reader->opening, job);
		store_account_done(job);
		break;
	case JOB_VIEW:
		list_take_off(&job->account->jobs, job);
		store_view_done(job);
		break;
	case JOB_WARM:
		list_take_off(&job->account->jobs, job);
		store_warm_done(job);
		break;
	}
	if (job->status != 0) {
		reader->stats.failures++;
		failure_put(reader, &job->key, job->status, waiters_count(job->waiters));
	}
	while (job->waiters != NULL)
		wait_link(&waiters, job->waiters);
	job_put_back(job);
	if (reader->closing) {
		reader_free(reader);
		return;
	}
	/* Before anybody runs again who could ask for a span. */
	trim(reader);
	waiters_wake(&waiters);
}

static struct job *job_take(struct store_reader *reader)
{
	struct job *job = reader->jobs_free;

	if (job == NULL)
		return NULL;
	reader->jobs_free = job->next;
	reader->jobs_free_n--;
	*job = (struct job){.work = {.run = job_run, .done = job_done}, .reader = reader};
	return job;
}

/* A job of that key at the head of the list, handed to a worker. -EBUSY: none is free, or the
 * ring is full. */
static int job_start(struct store_reader *reader, struct job **list, const struct job_key *key,
		     struct store_account *account, struct store_wait *wait)
{
	struct job *job = job_take(reader);

	if (job == NULL)
		return -EBUSY;
	job->key = *key;
	job->account = account;
	if (key->kind == JOB_WARM)
		job->segment = account->segments[key->number];
	job->next = *list;
	*list = job;
	if (wait != NULL)
		wait_link(&job->waiters, wait);
	if (job->segment != NULL)
		job->segment->jobs++;
	if (work_submit(reader->work, WORK_STORE, &job->work) == 0)
		return -EAGAIN;
	if (job->segment != NULL)
		job->segment->jobs--;
	if (wait != NULL)
		store_wait_cancel(wait);
	list_take_off(list, job);
	job_put_back(job);
	return -EBUSY;
}

int store_job_ask(struct store_reader *reader, struct job **list, const struct job_key *key,
		  struct store_account *account, struct store_wait *wait)
{
	struct job *job = *list;
	int status;

	while (job != NULL && !key_eq(&job->key, key))
		job = job->next;
	if (job != NULL) {
		if (wait != NULL)
			wait_link(&job->waiters, wait);
		status = -EAGAIN;
	} else {
		status = failure_tell(reader, key);
		if (status == 0)
			status = job_start(reader, list, key, account, wait);
	}
	reader->stats.waits += status == -EAGAIN && wait != NULL;
	reader->stats.busy += status == -EBUSY;
	return status;
}

/* --- Dropping --- */

static void retirement_run(struct work *work)
{
	struct retirement *retirement = (struct retirement *)work;

	while (retirement->segments != NULL) {
		struct segment *segment = retirement->segments;

		retirement->segments = segment->next;
		store_segment_free(segment);
	}
	while (retirement->accounts != NULL) {
		struct store_account *account = retirement->accounts;

		retirement->accounts = account->next;
		store_account_free(account);
	}
}

static void retirement_submit(struct store_reader *reader)
{
	struct retirement *retirement = &reader->retirement;

	if (retirement->under_way ||
	    (reader->retired_segments == NULL && reader->retired_accounts == NULL))
		return;
	retirement->segments = reader->retired_segments;
	retirement->accounts = reader->retired_accounts;
	retirement->under_way = true;
	if (work_submit(reader->work, WORK_STORE, &retirement->work) != 0) {
		retirement->under_way = false; /* the next release tries again */
		return;
	}
	reader->retired_segments = NULL;
	reader->retired_accounts = NULL;
}

static void retirement_done(struct work *work)
{
	struct store_reader *reader = ((struct retirement *)work)->reader;

	reader->retirement.under_way = false;
	if (reader->closing)
		reader_free(reader);
	else
		retirement_submit(reader);
}

void store_segment_drop(struct store_reader *reader, struct segment *segment)
{
	if (!segment->withdrawn || segment->jobs > 0)
		return;
	segment->next = reader->retired_segments;
	reader->retired_segments = segment;
}

void store_segment_retire(struct store_reader *reader, struct segment *segment)
{
	ASSERT(!segment->withdrawn);
	TAILQ_REMOVE(&reader->segments, segment, lru);
	reader->stats.segments--;
	reader->stats.segments_bytes -= segment->map.len;
	reader->stats.segments_dropped++;
	segment->account->segments[segment->slot] = NULL;
	segment->withdrawn = true;
	store_segment_drop(reader, segment);
}

static void account_retire(struct store_reader *reader, struct store_account *account)
{
	struct store_account **link = store_reader_bucket(reader, account->uuid);

	ASSERT(account->references == 0 && account->jobs == NULL);
	while (*link != account)
		link = &(*link)->next;
	*link = account->next;
	TAILQ_REMOVE(&reader->accounts_idle, account, lru);
	reader->stats.accounts--;
	reader->stats.accounts_idle--;
	reader->stats.accounts_idle_bytes -= account->index.len;
	reader->stats.accounts_dropped++;
	for (uint32_t k = 0; k < account->checkpoint.header->segments; k++)
		if (account->segments[k] != NULL)
			store_segment_retire(reader, account->segments[k]);
	account->next = reader->retired_accounts;
	reader->retired_accounts = account;
}

/* The hand of a clock: who was touched since it passed gets another round. */
static void segments_trim(struct store_reader *reader)
{
	for (uint64_t left = 2 * reader->stats.segments;
	     left > 0 && (reader->stats.segments > reader->segments_max ||
			  reader->stats.segments_bytes > reader->segments_bytes_max);
	     left--) {
		struct segment *segment = TAILQ_FIRST(&reader->segments);

		if (segment->touched || segment->jobs > 0) {
			segment->touched = false;
			TAILQ_REMOVE(&reader->segments, segment, lru);
			TAILQ_INSERT_TAIL(&reader->segments, segment, lru);
		} else {
			store_segment_retire(reader, segment);
		}
	}
}

/* The one used last stays, however large: somebody may be about to ask for it. */
static void accounts_trim(struct store_reader *reader)
{
	struct store_account *account = TAILQ_FIRST(&reader->accounts_idle), *next;

	for (; account != NULL && (next = TAILQ_NEXT(account, lru)) != NULL; account = next) {
		if (reader->stats.accounts_idle <= reader->accounts_idle_max &&
		    reader->stats.accounts_idle_bytes <= reader->accounts_idle_bytes_max)
			break;
		if (account->jobs == NULL)
			account_retire(reader, account);
	}
}

/* Drops what is kept beyond the limits. No span may be alive. */
static void trim(struct store_reader *reader)
{
	accounts_trim(reader);
	segments_trim(reader);
	retirement_submit(reader);
}

/* Segments that lost a page go; what is asked of them next opens them anew, and a worker then
 * finds out which records are gone. */
static void lost_withdraw(struct store_reader *reader)
{
	struct segment *segment = TAILQ_FIRST(&reader->segments);

	while (segment != NULL) {
		struct segment *next = TAILQ_NEXT(segment, lru);

		if (segment->map.range != NULL && store_bus_lost(segment->map.range))
			store_segment_retire(reader, segment);
		segment = next;
	}
}

int store_reader_release(struct store_reader *reader)
{
	unsigned lost = store_bus_count() - reader->bus_count;

	if (lost > 0) {
		reader->bus_count += lost;
		reader->stats.pages_lost += lost;
		lost_withdraw(reader);
	}
	if (reader->retired_segments != NULL || reader->retired_accounts != NULL)
		retirement_submit(reader);
	return lost > 0 ? -EIO : 0;
}

void store_reader_stats(const struct store_reader *reader, struct store_reader_stats *stats_r)
{
	*stats_r = reader->stats;
}

/* --- Life --- */

static void reader_free(struct store_reader *reader)
{
	if (reader->jobs_free_n < reader->jobs_n || reader->retirement.under_way)
		return;
	reader->retirement.segments = reader->retired_segments;
	reader->retirement.accounts = reader->retired_accounts;
	retirement_run(&reader->retirement.work);
	for (unsigned k = 0; k < READER_BUCKETS; k++)
		while (reader->buckets[k] != NULL) {
			struct store_account *account = reader->buckets[k];

			reader->buckets[k] = account->next;
			store_account_free(account);
		}
	free(reader->buckets);
	free(reader->jobs);
	free(reader);
}

struct store_reader *store_reader_create(struct store *store, struct work_port *work,
					 unsigned jobs_max)
{
	struct store_reader *reader = calloc(1, sizeof(*reader));

	if (reader == NULL)
		return NULL;
	ASSERT(jobs_max > 0);
	reader->store = store;
	reader->work = work;
	reader->buckets = calloc(READER_BUCKETS, sizeof(struct store_account *));
	reader->jobs = calloc(jobs_max, sizeof(struct job));
	if (reader->buckets == NULL || reader->jobs == NULL || store_bus_install() != 0) {
		free(reader->buckets);
		free(reader->jobs);
		free(reader);
		return NULL;
	}
	reader->jobs_n = reader->jobs_free_n = jobs_max;
	for (unsigned k = 0; k < jobs_max; k++) {
		reader->jobs[k].next = reader->jobs_free;
		reader->jobs_free = &reader->jobs[k];
	}
	reader->retirement = (struct retirement){
		.work = {.run = retirement_run, .done = retirement_done},
		.reader = reader,
	};
	TAILQ_INIT(&reader->accounts_idle);
	TAILQ_INIT(&reader->segments);
	reader->accounts_idle_max = READER_ACCOUNTS_MAX;
	reader->accounts_idle_bytes_max = READER_ACCOUNTS_BYTES_MAX;
	reader->segments_max = READER_SEGMENTS_MAX;
	reader->segments_bytes_max = READER_SEGMENTS_BYTES_MAX;
	return reader;
}

/* Jobs under way still write into the reader: the last of them takes it along. */
void store_reader_destroy(struct store_reader **reader)
{
	struct store_reader *gone = *reader;

	*reader = NULL;
	if (gone == NULL)
		return;
	for (unsigned k = 0; k < gone->jobs_n; k++)
		while (gone->jobs[k].waiters != NULL)
			store_wait_cancel(gone->jobs[k].waiters);
	gone->closing = true;
	reader_free(gone);
}
