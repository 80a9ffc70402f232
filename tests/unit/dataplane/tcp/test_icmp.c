/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <rte_ip.h>
#include <rte_tcp.h>

#include "eal.h"

/* An error about our segment at `seq`, with `quoted_len` bytes of it. */
static void error(struct rig *rig, uint8_t type, uint8_t code, uint32_t mtu, uint32_t seq,
		  size_t quoted_len)
{
	uint8_t quoted[28];
	struct rte_ipv4_hdr ip = {.version_ihl = RTE_IPV4_VHL_DEF, .next_proto_id = IPPROTO_TCP};
	struct rte_tcp_hdr tcp = {.src_port = rte_cpu_to_be_16(RIG_PORT),
				  .dst_port = rte_cpu_to_be_16(rig->peer_port),
				  .sent_seq = rte_cpu_to_be_32(seq)};

	memcpy(&ip.src_addr, rig_addr + 12, 4);
	memcpy(&ip.dst_addr, rig_peer_addr + 12, 4);
	memcpy(quoted, &ip, sizeof(ip));
	memcpy(quoted + sizeof(ip), &tcp, 8);
	tcp_icmp(rig->tcp, type, code, mtu, (struct span){quoted, quoted_len});
	rig_turn(rig);
}

static void path_mtu_shrinks(void **state)
{
	struct rig *rig = *state;
	size_t total = 0;

	rig_say(rig, rig_accept(rig), 5000);
	rig_turn(rig);
	rig_forget_sent(rig);
	error(rig, 3, 4, 1000, rig->peer_ack + RIG_MSS, 28);
	/* What was larger goes again in smaller segments; the last fits. */
	while (rig->sent_at < rig->sent_n) {
		const struct rig_segment *s = rig_expect(rig, ACK);

		assert_true(s->len <= 960);
		assert_true(rig_pattern_at(s->bytes, s->len, total));
		total += s->len;
	}
	assert_int_equal(total, 3 * RIG_MSS);
	error(rig, 3, 4, 1400, rig->peer_ack, 28); /* never up again */
	rig_silent(rig);
	error(rig, 3, 4, 68, rig->peer_ack, 28); /* nor below what is believed */
	assert_int_equal(rig_expect(rig, ACK)->len, 552 - 40);
}

static void errors_that_are_not_believed(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	rig_say(rig, session, 5000);
	rig_turn(rig);
	rig_forget_sent(rig);
	error(rig, 3, 4, 600, rig->peer_ack - 1, 28);	 /* acknowledged long ago */
	error(rig, 3, 4, 600, rig->peer_ack + 5000, 28); /* never sent */
	for (size_t len = 0; len < 28; len++)
		error(rig, 3, 4, 600, rig->peer_ack, len);
	rig->peer_port++;
	error(rig, 3, 4, 600, rig->peer_ack, 28);
	rig->peer_port--;
	/* RFC 5927: hard errors are soft once established. */
	error(rig, 3, 3, 0, rig->peer_ack, 28);
	error(rig, 3, 1, 0, rig->peer_ack, 28);
	rig_silent(rig);
	assert_int_equal(session->closed, 0);
}

static unsigned failures;

static void open_failed(struct stream_app *app, struct stream_ref ref, enum stream_reason reason)
{
	(void)app;
	(void)ref;
	assert_int_equal(reason, STREAM_REFUSED);
	failures++;
}

static void port_unreachable_ends_an_open(void **state)
{
	struct rig *rig = *state;
	struct stream_ref ref;
	uint32_t isn;

	assert_int_equal(tcp_connect(rig->tcp, rig_addr, RIG_PORT, rig_peer_addr, rig->peer_port,
				     &rig->app, open_failed, &ref),
			 0);
	isn = rig_expect(rig, SYN)->seq;
	error(rig, 3, 1, 0, isn, 28);
	assert_int_equal(failures, 0);
	error(rig, 3, 3, 0, isn, 28);
	assert_int_equal(failures, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(path_mtu_shrinks),
		RIG_TEST(errors_that_are_not_believed),
		RIG_TEST(port_unreachable_ends_an_open),
	};

	rig_defaults();
	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
