/* SPDX-License-Identifier: Apache-2.0 */
#include "ports.h"
#include "rig.h"

#include <errno.h>

#include "eal.h"

static unsigned asked;

static bool owns_all(void *owner, const uint8_t local[16], uint16_t local_port,
		     const uint8_t peer[16], uint16_t peer_port)
{
	(void)owner;
	(void)local;
	(void)local_port;
	(void)peer;
	(void)peer_port;
	asked++;
	return true;
}

static bool owns_odd(void *owner, const uint8_t local[16], uint16_t local_port,
		     const uint8_t peer[16], uint16_t peer_port)
{
	return owns_all(owner, local, local_port, peer, peer_port) && local_port % 2 == 1;
}

static int connect_to(struct rig *rig, uint16_t port, uint16_t peer_port)
{
	struct stream_ref ref;

	return tcp_connect(rig->tcp, rig_addr, port, rig_peer_addr, peer_port, &rig->app, NULL,
			   &ref);
}

static int many(void **state)
{
	asked = 0;
	rig_config.connections_max = 2000;
	rig_config.owns = owns_all;
	return rig_setup(state);
}

/* The thousandth open looks at no more ports than the first. */
static void each_is_found_at_once(void **state)
{
	struct rig *rig = *state;

	for (unsigned i = 0; i < 2000; i++) {
		assert_int_equal(connect_to(rig, 0, 143), 0);
		rig_forget_sent(rig);
	}
	assert_int_equal(asked, 2000);
}

/* RFC 6056 3.3.4: another peer's ports start elsewhere. */
static void sequences_differ(void **state)
{
	struct rig *rig = *state;
	uint16_t first, second, other;

	assert_int_equal(connect_to(rig, 0, 143), 0);
	first = rig_expect(rig, SYN)->port;
	assert_int_equal(connect_to(rig, 0, 143), 0);
	second = rig_expect(rig, SYN)->port;
	assert_int_equal(connect_to(rig, 0, 144), 0);
	other = rig_expect(rig, SYN)->port;
	assert_int_equal(second, first + 1);
	assert_true(other < first - 8 || other > first + 8);
}

static void only_tuples_of_this_core(void **state)
{
	struct rig *rig = *state;

	rig->tcp->config.owns = owns_odd;
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(connect_to(rig, 0, 143), 0);
		assert_int_equal(rig_expect(rig, SYN)->port % 2, 1);
	}
	assert_int_equal(connect_to(rig, 2000, 143), -EADDRNOTAVAIL);
	assert_in_range(asked, 20, 22);
}

/* Every port is tried before it is said that none is free; where we listen none is taken. */
static void all_are_tried(void **state)
{
	struct rig *rig = *state;
	struct tuple tuple = {.peer_port = 143};
	uint32_t hash;
	unsigned tried = 0;

	assert_int_equal(tcp_listen(rig->tcp, rig_addr, 5000, &rig->app), 0);
	memcpy(tuple.local, rig_addr, 16);
	memcpy(tuple.peer, rig_peer_addr, 16);
	for (; tried < 65536 - 1024; tried++) {
		tuple.local_port = 0;
		assert_int_equal(tcp_port_choose(rig->tcp, &tuple, &hash), 0);
		assert_true(tuple.local_port >= 1024 && tuple.local_port != 5000);
	}
	asked = 0;
	rig->tcp->config.owns = owns_odd;
	for (unsigned i = 0; i < 1999; i++) {
		assert_int_equal(connect_to(rig, (uint16_t)(2001 + 2 * i), 143), 0);
		rig_forget_sent(rig);
	}
	assert_int_equal(connect_to(rig, 2001, 143), -EADDRNOTAVAIL);
}

#define MANY_TEST(function) cmocka_unit_test_setup_teardown(function, many, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MANY_TEST(each_is_found_at_once),
		MANY_TEST(sequences_differ),
		MANY_TEST(only_tuples_of_this_core),
		MANY_TEST(all_are_tried),
	};

	rig_defaults();
	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
