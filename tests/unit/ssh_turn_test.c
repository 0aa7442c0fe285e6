/* Tests for the turns of many links: how many exchange keys and log in at a time, who is next,
 * and that no link waits for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "executors/io/loop.h"
#include "executors/ssh/ssh.h"

enum { MANY = 100, AT_ONCE = 64 };

static struct ssh_config conf = {.host = "n", .host_name = "10.0.0.1", .user = "u", .port = 22};
static struct link links[MANY];
static struct loop *loop;

static int
setup(void **state)
{
	struct err e = {0};

	(void)state;
	loop = loop_new(&e);
	memset(links, 0, sizeof links);
	for (int i = 0; i < MANY; i++) {
		struct link *k = &links[i];

		*k = (struct link){.loop = loop, .nhop = 1};
		k->hop[0] = (struct hop){.link = k, .conf = &conf, .where = "10.0.0.1:22", .state = HOP_TURN};
		k->hop[0].wire.fd = -1;
		ssh_link_add(k);
	}
	return loop ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	for (int i = 0; i < MANY; i++) {
		links[i].lost = true;
		ssh_call_next(&links[i]);
	}
	for (int i = 0; i < MANY; i++)
		ssh_link_remove(&links[i]);
	loop_free(loop);
	return 0;
}

/* All links ask; how many have their turn? */
static int
begun(void)
{
	struct err e = {0};
	int n = 0;

	for (int i = 0; i < MANY; i++) {
		struct hop *h = &links[i].hop[0];

		if (h->state == HOP_TURN && !links[i].lost && ssh_turn(h, &e) == NEXT_ADVANCE)
			h->state = HOP_HANDSHAKE;
		n += h->state == HOP_HANDSHAKE && !links[i].lost;
	}
	return n;
}

static void
some_at_a_time(void **state)
{
	(void)state;
	assert_int_equal(begun(), AT_ONCE);
	assert_int_equal(links[AT_ONCE - 1].hop[0].state, HOP_HANDSHAKE);
	assert_int_equal(links[AT_ONCE].hop[0].state, HOP_TURN);
	/* No link takes a turn twice, and a step later it still has the same turn. */
	links[0].hop[0].state = HOP_AUTH;
	ssh_call_next(&links[0]);
	assert_int_equal(begun(), AT_ONCE - 1);
	links[0].hop[0].state = HOP_READY;
	ssh_call_next(&links[0]);
	assert_int_equal(begun(), AT_ONCE);
	assert_int_equal(links[AT_ONCE].hop[0].state, HOP_HANDSHAKE);
	assert_int_equal(links[AT_ONCE + 1].hop[0].state, HOP_TURN);
}

/* A turn comes back from a link that was lost or shut, and from one that has to dial again. */
static void
turns_come_back(void **state)
{
	(void)state;
	assert_int_equal(begun(), AT_ONCE);
	links[1].lost = true;
	ssh_call_next(&links[1]);
	links[2].shut = true;
	links[2].lost = true;
	ssh_call_next(&links[2]);
	links[3].hop[0].state = HOP_FIND;
	ssh_call_next(&links[3]);
	assert_int_equal(begun(), AT_ONCE);
	/* A link that only waited has no turn to give back. */
	links[MANY - 1].lost = true;
	ssh_call_next(&links[MANY - 1]);
	assert_int_equal(begun(), AT_ONCE);
}

static void
stop(void *arg)
{
	*(bool *)arg = true;
}

/* Links that wait are called. One that is ready lets the next begin, which has no server and gives
 * its turn to the next, and so on. */
static void
nobody_waits_for_ever(void **state)
{
	bool finished = false;

	(void)state;
	assert_int_equal(begun(), AT_ONCE);
	links[5].hop[0].state = HOP_READY;
	ssh_call_next(&links[5]);
	loop_after(loop, 50, stop, &finished);
	loop_run(loop, &finished);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(links[i].lost, i >= AT_ONCE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(some_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(turns_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_waits_for_ever, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
