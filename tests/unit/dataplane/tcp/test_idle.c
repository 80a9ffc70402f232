/* SPDX-License-Identifier: Apache-2.0 */
#include "path.h"

enum { RTO_US = 200000 };

static void idle(struct path *path, enum tcp_congestion which)
{
	path_begin(path, which, 20000);
	path->c.cwnd = 200 * MSS;
	path_fill(path);
	path_lose(path, CONGESTION_LOSS);
	path->c.cwnd = 160 * MSS;
	path->c.sent_ns = path->tcp.now_ns;
}

/* RFC 2861 3.1: by half for each RTO, ssthresh remembers three quarters. */
static void window_halves_for_each_timeout_of_silence(void **state)
{
	static const uint32_t windows[] = {160, 80, 40, 20, 10, 10, 10};
	struct path path;

	(void)state;
	for (unsigned i = 0; i < 7; i++) {
		idle(&path, TCP_NEWRENO);
		path_wait(&path, RTO_US * i + RTO_US / 2);
		tcp_congestion_idle(&path.tcp, &path.c);
		assert_int_equal(path.c.cwnd, windows[i] * MSS);
		assert_int_equal(path.c.ssthresh, (i == 0 ? 100 : 120) * MSS);
		assert_int_equal(path.tcp.stats.cwnd_restarts, i > 0);
	}
	/* Slow start leads back to there. */
	path_round(&path);
	assert_int_equal(path.c.cwnd, 20 * MSS);
}

/* RFC 5681 4.1: never below the initial window, and a smaller one stays as it is. */
static void small_windows_stay(void **state)
{
	struct path path;

	(void)state;
	idle(&path, TCP_NEWRENO);
	path.c.cwnd = 4 * MSS;
	path_wait(&path, 3600000000);
	tcp_congestion_idle(&path.tcp, &path.c);
	assert_int_equal(path.c.cwnd, 4 * MSS);
	path.c.cwnd = 11 * MSS;
	tcp_congestion_idle(&path.tcp, &path.c);
	assert_int_equal(path.c.cwnd, 10 * MSS);
}

/* Of a path that has lost nothing, nothing is known: the first slow start goes on. */
static void first_slow_start_goes_on(void **state)
{
	struct path path;

	(void)state;
	path_begin(&path, TCP_CUBIC, 20000);
	for (unsigned i = 0; i < 4; i++)
		path_round(&path);
	path_drain(&path);
	path_wait(&path, 10 * RTO_US);
	tcp_congestion_idle(&path.tcp, &path.c);
	assert_int_equal(path.c.cwnd, 10 * MSS);
	assert_int_equal(path.c.ssthresh, TCP_CWND_MAX);
	path_round(&path);
	assert_int_equal(path.c.cwnd, 20 * MSS);
}

/* CUBIC's curve does not run on while nothing is sent. */
static void curve_waits(void **state)
{
	struct path path;

	(void)state;
	idle(&path, TCP_CUBIC);
	path_round(&path);
	path_drain(&path);
	path_wait(&path, 3600000000);
	tcp_congestion_idle(&path.tcp, &path.c);
	while (path.c.cwnd < path.c.ssthresh)
		path_round(&path);
	for (unsigned i = 0; i < 3; i++)
		path_round(&path);
	assert_in_range(path.c.cwnd, path.c.ssthresh, path.c.ssthresh + 5 * MSS);
}

/* Nor of a window that is too small to be halved (RFC 9438 5.8). */
static void curve_of_a_small_window_waits(void **state)
{
	struct path path;
	uint32_t cwnd;

	(void)state;
	path_begin(&path, TCP_CUBIC, 20000);
	path.c.cwnd = 8 * MSS;
	path_fill(&path);
	path_lose(&path, CONGESTION_LOSS);
	path_round(&path);
	path_drain(&path);
	cwnd = path.c.cwnd;
	path_wait(&path, 3600000000);
	tcp_congestion_idle(&path.tcp, &path.c);
	assert_int_equal(path.c.cwnd, cwnd);
	path_round(&path);
	assert_in_range(path.c.cwnd, cwnd, cwnd + MSS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(window_halves_for_each_timeout_of_silence),
		cmocka_unit_test(small_windows_stay),
		cmocka_unit_test(first_slow_start_goes_on),
		cmocka_unit_test(curve_waits),
		cmocka_unit_test(curve_of_a_small_window_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
