/* SPDX-License-Identifier: Apache-2.0 */
/* The two figures of RFC 6937 3.1: twenty segments in flight, ssthresh ten. */
#include "loss.h"

#include "eal.h"

static const uint32_t cwnd = 20;

/* How many segments left for the last acknowledgement; all of them full. */
static unsigned sent(struct rig *rig)
{
	unsigned n = 0;

	for (; rig->sent_at < rig->sent_n; n++)
		assert_int_equal(rig_expect(rig, ACK)->len, RIG_MSS);
	rig_forget_sent(rig);
	return n;
}

static struct rig_session *twenty(struct rig *rig)
{
	struct rig_session *session = loss_begin(rig, cwnd, true);

	loss_flight(rig, session, cwnd);
	rig_say(rig, session, 40 * RIG_MSS);
	return session;
}

/* The zeroth is lost: ack#    X  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19
 *                    sent:       N  N  R     N     N     N     N     N     N        N  N
 * From the sixteenth on the figure's pipe is not what its own row of sendings makes of it; what
 * must come out is a network that holds ssthresh. */
static void one_loss(void **state)
{
	static const uint8_t row[16] = {0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1};
	struct rig *rig = *state;

	twenty(rig);
	for (uint32_t i = 1; i < 20; i++) {
		unsigned n;

		SACKED(rig, 0, {1, i + 1});
		n = sent(rig);
		if (i < 16)
			assert_int_equal(n, row[i]);
		else
			assert_true(n <= 1);
	}
	assert_int_equal(loss_connection(rig)->ssthresh, 10 * RIG_MSS);
	assert_int_equal(loss_connection(rig)->pipe, 10 * RIG_MSS);
	assert_int_equal(rig_stats(rig).limited_transmits, 2);
	assert_int_equal(rig_stats(rig).recoveries, 1);
	/* And the window ends at ssthresh. */
	ACKED(rig, 22);
	assert_int_equal(loss_connection(rig)->cwnd, 10 * RIG_MSS);
}

/* Fifteen are lost: ack#  15 16 17 18 19
 * PRR-SSRB        sent:    N  N 2R 2R 2R */
static void fifteen_losses(void **state)
{
	static const uint8_t row[5] = {1, 1, 2, 2, 2};
	struct rig *rig = *state;

	twenty(rig);
	for (uint32_t i = 0; i < 5; i++) {
		SACKED(rig, 0, {15, 16 + i});
		assert_int_equal(sent(rig), row[i]);
	}
	assert_int_equal(rig_stats(rig).retransmit_segments, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(one_loss),
		RIG_TEST(fifteen_losses),
	};

	rig_defaults();
	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
