/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"
#include "source.h"

#include "eal.h"

static int limited(void **state)
{
	rig_config.syn_received_max = 64;
	rig_config.source_syn_received_max = 3;
	rig_config.source_connections_max = 2;
	rig_config.source_syns_per_s = 10;
	return rig_setup(state);
}

/* Beyond its share a source gets cookies, so whoever forges its address cannot lock it out. */
static void half_open_beyond_the_share(void **state)
{
	struct rig *rig = *state;
	uint32_t seq = 0;

	for (unsigned i = 0; i < 4; i++, rig->peer_port++) {
		rig_segment(rig, SYN, RIG_PEER_ISN, 0, NULL, 0);
		seq = rig_expect(rig, SYN | ACK)->seq;
	}
	assert_int_equal(rig_stats(rig).syn_received, 3);
	assert_int_equal(rig_stats(rig).cookies_sent, 1);
	rig->peer_port--;
	rig_segment(rig, ACK, RIG_PEER_ISN + 1, seq + 1, NULL, 0);
	assert_int_equal(rig->sessions_n, 1);
	/* Others have their own. */
	rig->peer_addr[15] = 77;
	rig_segment(rig, SYN, RIG_PEER_ISN, 0, NULL, 0);
	rig_expect(rig, SYN | ACK);
	assert_int_equal(rig_stats(rig).syn_received, 4);
	rig->crowd = true;
	rig_sleep(rig, 60000);
	assert_int_equal(rig_stats(rig).syn_received, 0);
	rig->peer_addr[15] = 2;
	rig_forget_sent(rig);
	rig_segment(rig, SYN, RIG_PEER_ISN, 0, NULL, 0);
	assert_int_equal(rig_stats(rig).cookies_sent, 1);
}

static void connections_beyond_the_share(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session;

	rig->crowd = true;
	session = rig_accept(rig);
	rig->peer_port++;
	rig_accept(rig);
	rig->peer_port++;
	rig_segment(rig, SYN, RIG_PEER_ISN, 0, NULL, 0);
	rig_expect(rig, RST | ACK);
	assert_int_equal(rig_stats(rig).source_refused, 1);
	rig->peer_addr[15] = 77;
	rig_forget_sent(rig);
	rig_accept(rig);
	/* One that ends makes room. */
	rig->peer_addr[15] = 2;
	rig->peer_port = RIG_PEER_PORT;
	rig_segment(rig, RST, RIG_PEER_ISN + 1, 0, NULL, 0);
	assert_int_equal(session->closed, 1);
	rig_forget_sent(rig);
	rig_accept(rig);
}

static void syns_beyond_the_rate(void **state)
{
	struct rig *rig = *state;

	for (unsigned i = 0; i < 100; i++, rig->peer_port++)
		rig_segment(rig, SYN, RIG_PEER_ISN, 0, NULL, 0);
	assert_in_range(rig->sent_n, 10, 11);
	assert_int_equal(rig_stats(rig).syn_limited, 100 - rig->sent_n);
	rig->crowd = true;
	rig->peer_addr[15] = 77;
	rig_segment(rig, SYN, RIG_PEER_ISN, 0, NULL, 0);
	assert_int_equal(rig->sent[rig->sent_n - 1].peer[15], 77);
	rig->peer_addr[15] = 2;
	rig_sleep(rig, 500);
	rig_forget_sent(rig);
	for (unsigned i = 0; i < 100; i++, rig->peer_port++)
		rig_segment(rig, SYN, RIG_PEER_ISN, 0, NULL, 0);
	assert_in_range(rig->sent_n, 5, 6);
}

/* What we open ourselves is nobody's share. */
static void active_opens_do_not_count(void **state)
{
	struct rig *rig = *state;
	struct stream_ref ref;

	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(tcp_connect(rig->tcp, rig_addr, 0, rig_peer_addr, 143, &rig->app,
					     NULL, &ref),
				 0);
	rig_forget_sent(rig);
	rig_accept(rig);
	assert_false(tcp_source_full(rig->tcp, tcp_source_find(rig->tcp, rig_peer_addr),
				     SOURCE_CONNECTIONS));
}

/* A million sources, a few connections each: nobody is put out, nobody pays for others. */
static void the_table_is_never_full(void **state)
{
	struct rig *rig = *state;
	uint8_t addr[16];
	unsigned full = 0;

	rig->tcp->config.source_connections_max = 16;
	memcpy(addr, rig_peer_addr, 16);
	for (unsigned pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i < 200000; i++) {
			memcpy(addr + 12, &i, 4);
			if (pass == 0)
				full += tcp_source_full(rig->tcp, tcp_source_find(rig->tcp, addr),
							SOURCE_CONNECTIONS);
			tcp_source_count(tcp_source_find(rig->tcp, addr), SOURCE_CONNECTIONS,
					 pass == 0 ? 1 : -1);
		}
	assert_int_equal(full, 0);
}

/* Of IPv6 the network counts, not the host. */
static void a_network_is_one_source(void **state)
{
	uint8_t addr[16] = {0x20, 1, 0xd, 0xb8};
	struct rig *rig = *state;

	for (uint8_t host = 0; host < 2; host++) {
		addr[15] = host;
		tcp_source_count(tcp_source_find(rig->tcp, addr), SOURCE_CONNECTIONS, 1);
	}
	addr[15] = 99;
	assert_true(tcp_source_full(rig->tcp, tcp_source_find(rig->tcp, addr), SOURCE_CONNECTIONS));
	addr[7] = 1;
	assert_false(
		tcp_source_full(rig->tcp, tcp_source_find(rig->tcp, addr), SOURCE_CONNECTIONS));
}

#define LIMITED_TEST(function) cmocka_unit_test_setup_teardown(function, limited, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIMITED_TEST(half_open_beyond_the_share),
		LIMITED_TEST(connections_beyond_the_share),
		LIMITED_TEST(syns_beyond_the_rate),
		LIMITED_TEST(active_opens_do_not_count),
		LIMITED_TEST(the_table_is_never_full),
		LIMITED_TEST(a_network_is_one_source),
	};

	rig_defaults();
	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
