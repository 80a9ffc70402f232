/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "plan.h"

/* Ports are only compared by the plan, never asked. */
static char ports[PORT_COUNT_MAX + 1];
#define PORT(k) ((struct port *)&ports[k])

static const unsigned cpus[PORT_CORES_MAX + 1];

static int make(const struct loop_queue *queues, const unsigned *queue_core, unsigned queues_n,
		unsigned cores_n, struct loop_plan **plan_r)
{
	const struct loop_config config = {
		.cores = cpus,
		.cores_n = cores_n,
		.queues = queues,
		.queue_core = queue_core,
		.queues_n = queues_n,
	};
	struct port_error error = {""};
	int status = loop_plan_create(&config, plan_r, &error);

	/* A refusal says why, and leaves nothing. */
	assert_true((status == 0) == (*plan_r != NULL));
	assert_true((status == 0) == (error.text[0] == '\0'));
	return status;
}

static void test_queues_are_sorted_by_core_and_port(void **state)
{
	const struct loop_queue queues[] = {
		{PORT(0), 0}, {PORT(1), 1}, {PORT(0), 1}, {PORT(1), 0}, {PORT(1), 2}};
	const unsigned queue_core[] = {0, 0, 1, 1, 1};
	struct loop_plan *plan;

	(void)state;
	assert_int_equal(make(queues, queue_core, 5, 2, &plan), 0);
	assert_int_equal(plan->core_queues_n[0], 2);
	assert_int_equal(plan->core_queues_n[1], 3);
	assert_int_equal(plan->core_ports_n[0], 2);
	assert_int_equal(plan->core_ports_n[1], 2);
	/* A core transmits on the first queue it was given of a port. */
	assert_ptr_equal(plan->core_ports[1][1].port, PORT(1));
	assert_int_equal(plan->core_ports[1][1].queue, 0);
	assert_int_equal(plan->core_ports[0][1].queue, 1);
	/* Every core sees the whole map of a port. */
	for (unsigned core = 0; core < 2; core++) {
		const unsigned *map = plan->core_ports[core][1].queue_core;

		assert_int_equal(map[0], 1);
		assert_int_equal(map[1], 0);
		assert_int_equal(map[2], 1);
	}
	loop_plan_destroy(&plan);
	assert_null(plan);
}

static void test_what_is_refused(void **state)
{
	const struct loop_queue one[] = {{PORT(0), 0}};
	const struct loop_queue gap[] = {{PORT(0), 0}, {PORT(0), 2}};
	const struct loop_queue twice[] = {{PORT(0), 0}, {PORT(0), 0}};
	const struct loop_queue far[] = {{PORT(0), PORT_QUEUES_MAX}};
	struct loop_queue many[PORT_COUNT_MAX + 1];
	const unsigned zero[PORT_COUNT_MAX + 1] = {0}, first_two[] = {0, 1}, five[] = {5};
	struct loop_plan *plan;

	(void)state;
	for (unsigned k = 0; k <= PORT_COUNT_MAX; k++)
		many[k] = (struct loop_queue){PORT(k), 0};
	assert_int_equal(make(one, zero, 1, 0, &plan), -EINVAL);		  /* no core */
	assert_int_equal(make(one, zero, 1, PORT_CORES_MAX + 1, &plan), -EINVAL); /* too many */
	assert_int_equal(make(one, zero, 1, 2, &plan), -EINVAL); /* a core without a queue */
	assert_int_equal(make(one, five, 1, 1, &plan), -EINVAL); /* no such core */
	assert_int_equal(make(gap, first_two, 2, 2, &plan), -EINVAL);
	assert_int_equal(make(twice, first_two, 2, 2, &plan), -EINVAL);
	assert_int_equal(make(far, zero, 1, 1, &plan), -EINVAL);
	assert_int_equal(make(many, zero, PORT_COUNT_MAX + 1, 1, &plan), -EINVAL);
	assert_int_equal(make(many, zero, PORT_COUNT_MAX, 1, &plan), 0);
	loop_plan_destroy(&plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queues_are_sorted_by_core_and_port),
		cmocka_unit_test(test_what_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
