/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <errno.h>

#include "fetch.h"

enum {
	/* Reading the clock costs as much as a tenth of a row. */
	STEPS_PER_LOOK = 16,
	/* Far enough for memory to answer while the rows between are written, near enough for the
	 * lines still to be in the cache. Measured with bench_fetch. */
	ROWS_AHEAD = 3,
};

static const char failure_lost[] = "NO [CORRUPTION] Some messages cannot be read";
static const char failure_encoding[] = "NO [UNKNOWN-CTE] A part's transfer encoding is unknown";

/* BODY[] does not set \Seen: no flag can be changed yet, and SELECT said PERMANENTFLAGS (). */
const char *cmd_fetch_begin(struct session *session, struct wire_cursor *cursor)
{
	return session_job_read(session, cursor, fetch_compile);
}

/* Turns to the messages of the next run. False: there is none. */
static bool run_next(const struct session *session, struct fetch *fetch)
{
	const struct store_view *view = session->view;
	struct wire_run run;

	if (fetch->run == fetch->runs_n)
		return false;
	run = fetch->runs[fetch->run++];
	if (fetch->by_uid) {
		fetch->index = store_view_lower_bound(view, run.first);
		fetch->index_end = run.last == UINT32_MAX
					   ? store_view_count(view)
					   : store_view_lower_bound(view, run.last + 1);
	} else {
		fetch->index = run.first - 1;
		fetch->index_end = run.last;
	}
	return true;
}

/* Writes the next row, or goes on with it. 1: it is finished, or had to be left out. */
static int row_produce(struct session *session, struct fetch *fetch, struct stream_out *out,
		       uint64_t until_ns)
{
	struct session_stats *stats = &session->engine->stats;
	struct fetch_row row;
	int status;

	if (fetch->place != FETCH_PLACE_ROW)
		return fetch_part_write(session, fetch, out, until_ns);
	status = fetch_gather(session, fetch, fetch->index, &row);
	if (status == -EAGAIN || status == -EBUSY)
		return status;
	if (status != 0) {
		/* Nothing of the row is sent: the others still can be (DESIGN.md section 5). */
		stats->data_lost += status != -ENOTSUP;
		fetch->failure = status == -ENOTSUP ? failure_encoding : failure_lost;
		return 1;
	}
	if (row.is_short)
		return fetch_row_write(session, fetch, &row, out) ? 1 : 0;
	return fetch_part_write(session, fetch, out, until_ns);
}

/* The client counts on bytes that cannot be had: nothing right can be said any more. */
static enum step row_lost(struct session *session)
{
	struct session_engine *engine = session->engine;

	engine->stats.data_lost++;
	log_line(engine->env.log, LOG_LEVEL_ERROR,
		 "a message was lost while it was sent: connection %u is closed",
		 session->ref.index);
	session->closing = true;
	return STEP_MORE;
}

static enum step rows_produce(struct session *session, struct stream_out *out,
			      const struct stream_budget *budget)
{
	struct session_engine *engine = session->engine;
	struct fetch *fetch = session->job;
	uint64_t until_ns = clock_now_ns(engine->env.clock) + budget->ns;
	uint32_t rows = 0;

	/* Runs that hold no message take time, too. */
	for (uint32_t steps = 1;; steps++) {
		int status;

		if (rows >= budget->items ||
		    (steps % STEPS_PER_LOOK == 0 && clock_now_ns(engine->env.clock) > until_ns))
			return STEP_MORE;
		if (fetch->index >= fetch->index_end) {
			if (!run_next(session, fetch))
				break;
			continue;
		}
		if (fetch->needs_prep && fetch->index + ROWS_AHEAD < fetch->index_end)
			store_meta_prefetch(session->view, fetch->index + ROWS_AHEAD);
		status = row_produce(session, fetch, out, until_ns);
		if (status == -EAGAIN) {
			engine->stats.waits_cold++;
			return STEP_WAIT;
		}
		if (status == 0 || status == -EBUSY)
			return STEP_MORE;
		if (status < 0)
			return row_lost(session);
		engine->stats.fetch_messages++;
		fetch->index++;
		rows++;
	}
	session->answer = fetch->failure != NULL ? fetch->failure : "OK FETCH completed";
	return STEP_END;
}

enum step cmd_fetch_step(struct session *session, struct stream_out *out,
			 const struct stream_budget *budget)
{
	uint64_t room = out->left + (uint64_t)(out->end - out->cur);
	enum step step = rows_produce(session, out, budget);

	session->engine->stats.fetch_bytes += room - (out->left + (uint64_t)(out->end - out->cur));
	return step;
}
