/* SPDX-License-Identifier: Apache-2.0 */
#include "path.h"

#include <math.h>

static const double c_cubic = 0.4, beta = 0.7;

static double segments(uint32_t bytes)
{
	return (double)bytes / MSS;
}

/* A connection that has just lost with `window` segments in use. */
static void reduced(struct path *path, uint32_t window, uint32_t rtt_us)
{
	path_begin(path, TCP_CUBIC, rtt_us);
	path->c.cwnd = window * MSS;
	path_fill(path);
	path_lose(path, CONGESTION_LOSS);
}

/* Minutes of growth against the formula in floating point (RFC 9438, figures 1 and 2). What the
 * window may be off is what the curve does in a round trip. */
static void grows_along_the_curve(void **state)
{
	static const uint32_t windows[] = {100, 1000, 20000};
	struct path path;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		double k = cbrt(windows[i] * (1 - beta) / c_cubic), t = 0, rtt = 0.1;
		double slope = 0;

		reduced(&path, windows[i], 100000);
		assert_int_equal(path.c.cwnd, windows[i] * MSS / 10 * 7);
		for (; t < 90; t += rtt) {
			double window = windows[i] + c_cubic * pow(t - k, 3);

			slope = 3 * c_cubic * pow(t - k, 2);
			if (window < windows[i] * beta + t / rtt)
				window = segments(path.c.cwnd); /* Reno is faster */
			if (fabs(segments(path.c.cwnd) - window) >
			    slope * 0.5 * rtt + 2 + window / 2000)
				fail_msg("%u: %f segments at %f s, not %f", windows[i],
					 segments(path.c.cwnd), t, window);
			path_round(&path);
		}
		/* And the convex end has really been reached. */
		assert_true(segments(path.c.cwnd) > windows[i] * 1.5);
	}
}

/* RFC 9438 4.2: however far the curve has gone, the target is one and a half windows. */
static void never_leaps(void **state)
{
	struct path path;
	uint32_t before;

	(void)state;
	reduced(&path, 100, 100000);
	path_round(&path);
	path_wait(&path, 100000000);
	path_fill(&path);
	before = path.c.cwnd;
	path_ack(&path, 2 * MSS);
	assert_in_range(path.c.cwnd - before, MSS - 100, MSS);
}

/* K, in whole milliseconds, against floating point. */
static void knows_when_the_plateau_comes(void **state)
{
	struct path path;
	uint64_t x = 1;

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		double k_ms;

		x = x * 6364136223846793005 + 1442695040888963407;
		path_begin(&path, TCP_CUBIC, 1000);
		path.c.mss = (uint16_t)(216 + (x >> 20) % 7000);
		path.c.ssthresh = 2 * path.c.mss;
		path.c.w_max = (uint32_t)(x >> 34) >> (x >> 10) % 16;
		path.c.w_max += path.c.cwnd;
		k_ms = 1000 * cbrt((path.c.w_max - path.c.cwnd) / (double)path.c.mss / c_cubic);
		path_fill(&path);
		path_ack(&path, 1);
		assert_true(fabs((double)(path.c.avoid.plateau_ms - path.tcp.now_ms) - k_ms) <=
			    1.001);
	}
}

/* The average window where one segment in `every` is lost. */
static double window_at_loss(uint32_t rtt_us, uint32_t every)
{
	double sum = 0, rounds = 0, sent = 0;
	struct path path;

	reduced(&path, 20, rtt_us);
	for (unsigned losses = 0; losses < 60;) {
		if (losses >= 20) {
			sum += segments(path.c.cwnd);
			rounds++;
		}
		sent += segments(path.c.cwnd);
		path_round(&path);
		if (sent < every)
			continue;
		sent -= every;
		losses++;
		path_lose(&path, CONGESTION_LOSS);
	}
	return sum / rounds;
}

/* RFC 8312 5.1, tables 1 and 2, column C = 0.4: Reno's window where Reno does well (4.3), more
 * where it does not. */
static void responds_to_loss_as_the_tables_say(void **state)
{
	static const struct {
		uint32_t rtt_us, every;
		double window;
	} rows[] = {
		{100000, 100, 12}, {100000, 1000, 38}, {100000, 10000, 187}, {100000, 100000, 1054},
		{10000, 100, 12},  {10000, 1000, 38},  {10000, 10000, 120},  {10000, 100000, 379},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double window = window_at_loss(rows[i].rtt_us, rows[i].every);

		if (window < rows[i].window * 0.85 || window > rows[i].window * 1.2)
			fail_msg("%u us, 1/%u: %f segments, not %f", rows[i].rtt_us, rows[i].every,
				 window, rows[i].window);
	}
}

/* RFC 8312 4.2: 9/17 of a segment a round trip, beyond the last reduction, too. */
static void is_reno_on_a_short_path(void **state)
{
	struct path path;
	uint32_t before;

	(void)state;
	reduced(&path, 100, 1000);
	before = path.c.cwnd;
	for (unsigned i = 0; i < 34; i++)
		path_round(&path);
	assert_in_range(path.c.cwnd - before, 16 * MSS, 18 * MSS);
	while (path.c.cwnd < 100 * MSS)
		path_round(&path);
	before = path.c.cwnd;
	for (unsigned i = 0; i < 30; i++)
		path_round(&path);
	assert_in_range(path.c.cwnd - before, 14 * MSS, 17 * MSS);
}

/* RFC 9438 4.6: by 0.7, from what was in use, to two segments at least. */
static void reduces_what_was_in_use(void **state)
{
	struct path path;

	(void)state;
	reduced(&path, 100, 10000);
	assert_int_equal(path.c.ssthresh, 70 * MSS);
	/* The application has sent twenty segments of a window of seventy for a while. */
	path.c.snd_nxt += 20 * MSS;
	path_ack(&path, MSS);
	path_ack(&path, MSS);
	path.c.flags &= ~(uint32_t)C_CWND_FULL;
	path_lose(&path, CONGESTION_LOSS);
	assert_int_equal(path.c.ssthresh, 18 * MSS * 7 / 10);
	for (unsigned i = 0; i < 10; i++) {
		path_fill(&path);
		path_lose(&path, CONGESTION_LOSS);
	}
	assert_int_equal(path.c.ssthresh, 2 * MSS);
}

/* RFC 9438 4.7. */
static void gives_room_to_who_comes(void **state)
{
	struct path path;

	(void)state;
	reduced(&path, 100, 10000);
	assert_int_equal(path.c.w_max, 100 * MSS);
	path_fill(&path);
	path_lose(&path, CONGESTION_LOSS);
	assert_int_equal(path.c.w_max, 70 * MSS * 17 / 20);
}

/* RFC 9438 4.8: the stage after a timeout begins on the plateau. */
static void a_timeout_forgets_the_plateau(void **state)
{
	struct path path;

	(void)state;
	reduced(&path, 100, 10000);
	path_fill(&path);
	path_lose(&path, CONGESTION_TIMEOUT);
	assert_int_equal(path.c.ssthresh, 49 * MSS);
	while (path.c.cwnd < path.c.ssthresh)
		path_round(&path);
	path_round(&path);
	assert_int_equal(path.c.w_max, 49 * MSS);
	assert_true(path.tcp.now_ms - path.c.avoid.plateau_ms <= 20);
}

/* RFC 9438 4.9: after a loss that was none the curve goes on where it was. */
static void undoes_what_was_for_nothing(void **state)
{
	struct path path, undone;

	(void)state;
	reduced(&path, 1000, 100000);
	for (unsigned convex = 0; convex < 2; convex++) {
		for (unsigned i = 0; i < 60 + 120 * convex; i++)
			path_round(&path);
		undone = path;
		path_fill(&undone);
		path_lose(&undone, CONGESTION_LOSS);
		assert_true(undone.c.cwnd < path.c.cwnd);
		tcp_congestion_undo(&undone.tcp, &undone.c);
		assert_int_equal(undone.c.cwnd, path.c.cwnd);
		assert_int_equal(undone.c.ssthresh, path.c.ssthresh);
		for (unsigned i = 0; i < 50; i++) {
			path_round(&path);
			path_round(&undone);
		}
		assert_true(fabs(segments(undone.c.cwnd) - segments(path.c.cwnd)) <
			    segments(path.c.cwnd) / 50);
		/* Once is enough. */
		undone.c.cwnd = 5 * MSS;
		tcp_congestion_undo(&undone.tcp, &undone.c);
		assert_int_equal(undone.c.cwnd, 5 * MSS);
	}
}

/* RFC 9438 5.8: a minute in which the application says little moves nothing. */
static void time_stands_while_the_application_is_quiet(void **state)
{
	struct path path, quiet;

	(void)state;
	reduced(&path, 1000, 100000);
	for (unsigned i = 0; i < 120; i++)
		path_round(&path);
	quiet = path;
	path_drain(&quiet);
	for (unsigned i = 0; i < 600; i++) {
		path_wait(&quiet, 100000);
		quiet.c.snd_nxt = quiet.c.snd_una + MSS;
		path_ack(&quiet, MSS);
	}
	assert_int_equal(quiet.c.cwnd, path.c.cwnd);
	for (unsigned i = 0; i < 20; i++) {
		path_round(&path);
		path_round(&quiet);
	}
	assert_true(fabs(segments(quiet.c.cwnd) - segments(path.c.cwnd)) < 5);
}

/* One flow has it all when a second begins: both lose whenever the queue is full. */
static void two_flows_converge(void **state)
{
	const uint32_t room = 340 * MSS;
	struct path flows[2];
	unsigned losses = 0;

	(void)state;
	reduced(&flows[0], 300, 20000);
	reduced(&flows[1], 10, 20000);
	while (losses < 40) {
		path_round(&flows[0]);
		path_round(&flows[1]);
		if (flows[0].c.cwnd + flows[1].c.cwnd < room)
			continue;
		path_lose(&flows[0], CONGESTION_LOSS);
		path_lose(&flows[1], CONGESTION_LOSS);
		losses++;
	}
	assert_true(flows[1].c.cwnd > flows[0].c.cwnd * 0.8);
	assert_true(flows[1].c.cwnd < flows[0].c.cwnd * 1.25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_along_the_curve),
		cmocka_unit_test(never_leaps),
		cmocka_unit_test(knows_when_the_plateau_comes),
		cmocka_unit_test(responds_to_loss_as_the_tables_say),
		cmocka_unit_test(is_reno_on_a_short_path),
		cmocka_unit_test(reduces_what_was_in_use),
		cmocka_unit_test(gives_room_to_who_comes),
		cmocka_unit_test(a_timeout_forgets_the_plateau),
		cmocka_unit_test(undoes_what_was_for_nothing),
		cmocka_unit_test(time_stands_while_the_application_is_quiet),
		cmocka_unit_test(two_flows_converge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
