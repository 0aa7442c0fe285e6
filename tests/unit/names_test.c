/* Names of hosts: they are looked up at the same time, each once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "executors/io/names.h"

/* The resolver of these tests: it answers once `together` names are asked for at the same
 * time, but not while it is `held`; "dead..." has no address. */
static atomic_int asked, under_way, most, together, held;

static struct addrinfo *
answer_of(const char *host)
{
	struct { struct addrinfo info; struct sockaddr_in in; } *one = calloc(1, sizeof *one);

	one->in.sin_family = AF_INET;
	if (inet_pton(AF_INET, host, &one->in.sin_addr) != 1)
		one->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	one->info = (struct addrinfo){.ai_family = AF_INET, .ai_addr = (struct sockaddr *)&one->in,
				      .ai_addrlen = sizeof one->in};
	return &one->info;
}

int
getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
	    struct addrinfo **list)
{
	struct in_addr in;
	int now;

	(void)service;
	if (hints->ai_flags & AI_NUMERICHOST && inet_pton(AF_INET, host, &in) != 1)
		return EAI_NONAME;
	if (!(hints->ai_flags & AI_NUMERICHOST)) {
		atomic_fetch_add(&asked, 1);
		now = atomic_fetch_add(&under_way, 1) + 1;
		if (now > atomic_load(&most))
			atomic_store(&most, now);
		while (atomic_load(&most) < atomic_load(&together) || atomic_load(&held))
			usleep(1000);
		atomic_fetch_sub(&under_way, 1);
		if (strncmp(host, "dead", 4) == 0)
			return EAI_AGAIN;
	}
	*list = answer_of(host);
	return 0;
}

void freeaddrinfo(struct addrinfo *list) { free(list); }

static struct {
	struct loop *loop;
	int left;
	bool finished;
} t;

static int
setup(void **state)
{
	struct err e;

	(void)state;
	memset(&t, 0, sizeof t);
	atomic_store(&asked, 0);
	atomic_store(&most, 0);
	atomic_store(&together, 1);
	alarm(300);                     /* guards against a hang */
	t.loop = loop_new(&e);
	return t.loop ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	loop_free(t.loop);
	return 0;
}

static void
heard(void *arg)
{
	(void)arg;
	t.finished = --t.left == 0;
}

static void
an_address_is_known_at_once(void **state)
{
	struct name_ask a = {0};
	struct err e;

	(void)state;
	assert_int_equal(name_find(&a, t.loop, "10.0.0.13", 22, heard, NULL, &e), NAME_KNOWN);
	assert_int_equal(a.n, 1);
	assert_int_equal(((struct sockaddr_in *)&a.v->sa)->sin_port, htons(22));
	assert_int_equal(((struct sockaddr_in *)&a.v->sa)->sin_addr.s_addr, inet_addr("10.0.0.13"));
	assert_int_equal(atomic_load(&asked), 0);
	name_release(&a);
}

static void
names_are_looked_up_at_once_and_each_once(void **state)
{
	enum { NAMES = 64, EACH = 3 };
	static struct name_ask a[NAMES * EACH];
	struct err e = {0};

	(void)state;
	atomic_store(&together, NAMES / 4 + 1);
	t.left = NAMES * EACH;
	for (int i = 0; i < NAMES * EACH; i++) {
		char host[32];

		snprintf(host, sizeof host, "%s-%d", i % NAMES < 32 ? "dead" : "gpu", i % NAMES);
		assert_int_equal(name_find(&a[i], t.loop, host, 22, heard, NULL, &e), NAME_WAITS);
		/* Asking again changes nothing. */
		assert_int_equal(name_find(&a[i], t.loop, host, 22, heard, NULL, &e), NAME_WAITS);
	}
	loop_run(t.loop, &t.finished);
	assert_int_equal(atomic_load(&asked), NAMES);
	assert_int_equal(name_find(&a[0], t.loop, "dead-0", 22, heard, NULL, &e), NAME_FAILED);
	assert_non_null(strstr(e.text, "find 'dead-0': "));
	assert_int_equal(name_find(&a[40], t.loop, "gpu-40", 22, heard, NULL, &e), NAME_KNOWN);
	for (int i = 0; i < NAMES * EACH; i++)
		name_release(&a[i]);
	assert_int_equal(atomic_load(&asked), NAMES);
}

static void
late(void *arg)
{
	(void)arg;
	t.finished = true;
}

static void
who_left_is_not_called_and_the_answer_is_kept(void **state)
{
	struct name_ask a = {0}, b = {0};
	struct err e;

	(void)state;
	atomic_store(&held, 1);
	assert_int_equal(name_find(&a, t.loop, "left", 22, heard, NULL, &e), NAME_WAITS);
	name_release(&a);
	loop_free(t.loop);
	t.loop = loop_new(&e);
	t.left = 100;
	atomic_store(&held, 0);
	do {
		t.finished = false;
		loop_after(t.loop, 20, late, NULL);
		loop_run(t.loop, &t.finished);
	} while (atomic_load(&under_way));
	assert_int_equal(t.left, 100);
	/* The resolver has answered; its thread may still be ending. */
	t.finished = false;
	if (name_find(&b, t.loop, "left", 22, late, NULL, &e) == NAME_WAITS)
		loop_run(t.loop, &t.finished);
	assert_int_equal(name_find(&b, t.loop, "left", 22, late, NULL, &e), NAME_KNOWN);
	assert_int_equal(atomic_load(&asked), 1);
	name_release(&b);
}

static long long (*real_clock)(void);
static long long hours;
static long long later(void) { return real_clock() + hours; }

/* By the loop's clock, which only advances when somebody looks at it. */
static void
an_old_failure_is_asked_for_again(void **state)
{
	struct name_ask a = {0};
	struct err e;

	(void)state;
	t.left = 1;
	assert_int_equal(name_find(&a, t.loop, "dead", 22, heard, NULL, &e), NAME_WAITS);
	loop_run(t.loop, &t.finished);
	assert_int_equal(name_find(&a, t.loop, "dead", 22, heard, NULL, &e), NAME_FAILED);
	real_clock = loop_clock;
	loop_clock = later;
	for (int i = 0; i < 12; i++) {
		hours += 500;
		loop_now();
	}
	assert_int_equal(name_find(&a, t.loop, "dead", 22, heard, NULL, &e), NAME_WAITS);
	t.left = 1;
	t.finished = false;
	loop_run(t.loop, &t.finished);
	loop_clock = real_clock;
	name_release(&a);
	assert_int_equal(atomic_load(&asked), 2);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_address_is_known_at_once),
		TEST(names_are_looked_up_at_once_and_each_once),
		TEST(who_left_is_not_called_and_the_answer_is_kept),
		TEST(an_old_failure_is_asked_for_again),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
