/* SPDX-License-Identifier: Apache-2.0 */
#include "path.h"

static void avoiding(struct path *path, uint32_t window)
{
	path_begin(path, TCP_NEWRENO, 10000);
	path->c.cwnd = 2 * window * MSS;
	path_fill(path);
	path_lose(path, CONGESTION_LOSS);
}

/* RFC 6928. */
static void begins_with_ten_segments(void **state)
{
	static const uint16_t mss[] = {536, 1448, 1460, 4000, 8960};
	static const uint32_t windows[] = {5360, 14480, 14600, 14600, 17920};
	struct path path;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		path_begin(&path, TCP_NEWRENO, 10000);
		path.c.mss = mss[i];
		tcp_congestion_start(&path.tcp, &path.c);
		assert_int_equal(path.c.cwnd, windows[i]);
	}
}

/* RFC 5681 3.1, RFC 3465 2.1: a segment each round trip, however it is acknowledged. */
static void grows_by_a_segment_a_round_trip(void **state)
{
	struct path path;

	(void)state;
	avoiding(&path, 50);
	for (unsigned i = 0; i < 40; i++)
		path_round(&path);
	assert_in_range(path.c.cwnd, 89 * MSS, 91 * MSS);
	/* Cut into a hundred pieces, each acknowledgement counts for its bytes only. */
	for (unsigned i = 0; i < 100; i++) {
		path_fill(&path);
		path_ack(&path, MSS / 100);
	}
	assert_in_range(path.c.cwnd, 89 * MSS, 91 * MSS);
}

/* RFC 5681 (4): half of what was in flight, two segments at least, once for a window. */
static void halves_once_for_a_window(void **state)
{
	struct path path;

	(void)state;
	avoiding(&path, 50);
	assert_int_equal(path.c.ssthresh, 50 * MSS);
	path_fill(&path);
	tcp_congestion_reduce(&path.tcp, &path.c, CONGESTION_ECN);
	assert_int_equal(path.c.ssthresh, 25 * MSS);
	path.c.cwnd = path.c.ssthresh;
	path.c.snd_una += MSS;
	tcp_congestion_reduce(&path.tcp, &path.c, CONGESTION_LOSS);
	tcp_congestion_reduce(&path.tcp, &path.c, CONGESTION_ECN);
	assert_int_equal(path.c.ssthresh, 25 * MSS);
	/* A retransmission that is lost is a second sign (RFC 5681 4.3), also when little was
	 * delivered, and recovery has let little leave, until it was seen. */
	path.c.flags |= C_RECOVERY;
	path.c.cwnd = 2 * MSS;
	tcp_congestion_reduce(&path.tcp, &path.c, CONGESTION_TIMEOUT);
	assert_int_equal(path.c.ssthresh, 25 * MSS / 2);
	for (unsigned i = 0; i < 6; i++) {
		path_fill(&path);
		path_lose(&path, CONGESTION_LOSS);
	}
	assert_int_equal(path.c.ssthresh, 2 * MSS);
}

/* RFC 3465 2.3: after a timeout one acknowledgement of much counts for one segment, as long as it
 * may be for what had arrived before; then for two. It ends at ssthresh. */
static void slow_start_after_a_timeout(void **state)
{
	struct path path;

	(void)state;
	avoiding(&path, 50);
	path_fill(&path);
	path.c.recover = path.c.snd_nxt;
	tcp_congestion_reduce(&path.tcp, &path.c, CONGESTION_TIMEOUT);
	path.c.cwnd = MSS;
	tcp_congestion_full(&path.c);
	path_ack(&path, 40 * MSS);
	assert_int_equal(path.c.cwnd, 2 * MSS);
	path_ack(&path, 10 * MSS);
	assert_int_equal(path.c.cwnd, 4 * MSS);
	for (unsigned i = 0; i < 4; i++)
		path_round(&path);
	assert_in_range(path.c.cwnd, 25 * MSS, 26 * MSS);
}

/* RFC 7661 4.3: what is not used does not grow, in slow start what is used by half does. */
static void unused_does_not_grow(void **state)
{
	struct path path;

	(void)state;
	avoiding(&path, 50);
	for (unsigned i = 0; i < 100; i++) {
		path.c.snd_nxt = path.c.snd_una + 30 * MSS;
		path_ack(&path, 30 * MSS);
	}
	assert_int_equal(path.c.cwnd, 50 * MSS);
	path_begin(&path, TCP_NEWRENO, 10000);
	path.c.snd_nxt = path.c.snd_una + 5 * MSS;
	path_ack(&path, 2 * MSS);
	assert_int_equal(path.c.cwnd, 14600);
	path.c.snd_nxt = path.c.snd_una + 6 * MSS;
	path_ack(&path, 2 * MSS);
	assert_int_equal(path.c.cwnd, 12 * MSS);
	/* Of a window that was full every acknowledgement counts, and none of the next. */
	path_begin(&path, TCP_NEWRENO, 10000);
	path_fill(&path);
	for (unsigned i = 0; i < 5; i++)
		path_ack(&path, 2 * MSS);
	assert_int_equal(path.c.cwnd, 20 * MSS);
	path.c.snd_nxt = path.c.snd_una + 2 * MSS;
	path_ack(&path, 2 * MSS);
	assert_int_equal(path.c.cwnd, 20 * MSS);
}

/* RFC 4015 3.2: as if it had not been; what a mark said was true. */
static void undoes_a_loss_but_no_mark(void **state)
{
	struct path path;

	(void)state;
	avoiding(&path, 50);
	path_fill(&path);
	path_lose(&path, CONGESTION_LOSS);
	tcp_congestion_undo(&path.tcp, &path.c);
	assert_int_equal(path.c.cwnd, 50 * MSS);
	assert_int_equal(path.c.ssthresh, 50 * MSS);
	path_fill(&path);
	path_lose(&path, CONGESTION_ECN);
	tcp_congestion_undo(&path.tcp, &path.c);
	assert_int_equal(path.c.cwnd, 25 * MSS);
	/* In the first slow start: it goes on. */
	path_begin(&path, TCP_NEWRENO, 10000);
	path_fill(&path);
	path_lose(&path, CONGESTION_TIMEOUT);
	tcp_congestion_undo(&path.tcp, &path.c);
	path_round(&path);
	assert_in_range(path.c.cwnd, 20 * MSS, 21 * MSS);
	assert_int_equal(path.c.ssthresh, TCP_CWND_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_with_ten_segments),
		cmocka_unit_test(grows_by_a_segment_a_round_trip),
		cmocka_unit_test(halves_once_for_a_window),
		cmocka_unit_test(slow_start_after_a_timeout),
		cmocka_unit_test(unused_does_not_grow),
		cmocka_unit_test(undoes_a_loss_but_no_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
