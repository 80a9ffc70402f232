/* SPDX-License-Identifier: Apache-2.0 */
#include "reading.h"

#include <errno.h>
#include <stdlib.h>

#include "work.h"

enum { JOBS_MAX = 16 };

struct reading {
	struct work_port port; /* first: what submit() is handed is the reading */
	struct work *jobs[JOBS_MAX];
	unsigned jobs_n;
	struct store_reader *reader;
	struct store_account *account;
	struct store_view *view;
};

/* Nothing else waits here: being woken is having run the jobs. */
static void woken(struct store_wait *wait)
{
	(void)wait;
}

static int submit(struct work_port *port, enum work_kind kind, struct work *work)
{
	struct reading *reading = (struct reading *)port;

	(void)kind;
	if (reading->jobs_n == JOBS_MAX)
		return -EAGAIN;
	reading->jobs[reading->jobs_n++] = work;
	return 0;
}

static void jobs_run(struct reading *reading)
{
	while (reading->jobs_n > 0) {
		struct work *work = reading->jobs[--reading->jobs_n];

		work->run(work);
		work->done(work);
	}
}

/* Whether to ask again: jobs were under way, and are done. */
static bool waited(struct reading *reading, struct store_wait *wait, int status)
{
	bool jobs = reading->jobs_n > 0;

	if (status != -EAGAIN && status != -EBUSY)
		return false;
	jobs_run(reading);
	store_wait_cancel(wait);
	return jobs;
}

int reading_open(struct store *store, const uint8_t uuid[16], struct reading **reading_r)
{
	struct reading *reading = calloc(1, sizeof(*reading));
	struct store_wait wait = {.woken = woken};
	int status;

	*reading_r = reading;
	if (reading == NULL)
		return -ENOMEM;
	reading->port.submit = submit;
	reading->reader = store_reader_create(store, &reading->port, JOBS_MAX / 2);
	if (reading->reader == NULL) {
		reading_close(reading_r);
		return -ENOMEM;
	}
	do
		status = store_account_get(reading->reader, uuid, &wait, &reading->account);
	while (waited(reading, &wait, status));
	if (status != 0)
		reading_close(reading_r);
	return status;
}

void reading_close(struct reading **reading)
{
	struct reading *gone = *reading;

	if (gone == NULL)
		return;
	if (gone->view != NULL)
		store_view_put(&gone->view);
	if (gone->account != NULL)
		store_account_put(&gone->account);
	jobs_run(gone);
	if (gone->reader != NULL)
		store_reader_destroy(&gone->reader);
	free(gone);
	*reading = NULL;
}

const struct store_account *reading_account(const struct reading *reading)
{
	return reading->account;
}

int reading_mailbox(struct reading *reading, unsigned number, struct store_view **view_r)
{
	struct store_wait wait = {.woken = woken};
	int status;

	if (reading->view != NULL)
		store_view_put(&reading->view);
	do
		status = store_view_get(reading->reader, reading->account, number, &wait,
					&reading->view);
	while (waited(reading, &wait, status));
	*view_r = reading->view;
	return status;
}

int reading_message(struct reading *reading, uint32_t index, struct buffer *bytes)
{
	uint32_t size = store_view_size(reading->view, index);
	struct store_wait wait = {.woken = woken};
	int status = 0;

	bytes->len = 0;
	while (bytes->len < size && status == 0) {
		struct span piece = {NULL, 0};

		do
			status = store_mail(reading->reader, reading->view, index,
					    (uint32_t)bytes->len, size - (uint32_t)bytes->len,
					    &wait, &piece);
		while (waited(reading, &wait, status));
		if (status == 0 && !buffer_append(bytes, piece.ptr, piece.len))
			status = -ENOMEM;
		/* A page that the disk lost was read as zeros. */
		if (store_reader_release(reading->reader) != 0 && status == 0)
			status = -EIO;
	}
	return status == -EAGAIN || status == -EBUSY ? -EIO : status;
}
