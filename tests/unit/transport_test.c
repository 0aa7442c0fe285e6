/* What a server may send before the login, and how much of it dray reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executors/io/loop.h"
#include "executors/ssh/ssh_transport.h"

static struct {
	struct transport wire;
	LIBSSH2_SESSION *session;
	pid_t peer;
} t;

/* A peer that sends `first`, and then the n bytes of `endless` again and again. */
static void
peer_start(const char *first, const char *endless, size_t n)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	t.peer = fork();
	if (t.peer == 0) {
		static char buf[64 * 1024];
		size_t len = 0;

		signal(SIGPIPE, SIG_DFL);
		close(fd[0]);
		while (n && len + n <= sizeof buf) {
			memcpy(buf + len, endless, n);
			len += n;
		}
		(void)!write(fd[1], first, strlen(first));
		while (n && write(fd[1], buf, len) > 0)
			;
		pause();
	}
	close(fd[1]);
	t.wire = (struct transport){.fd = fd[0]};
	t.session = transport_session(&t.wire);
	assert_non_null(t.session);
}

static int
setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof t);
	return libssh2_init(0);
}

static int
teardown(void **state)
{
	(void)state;
	kill(t.peer, SIGKILL);
	waitpid(t.peer, NULL, 0);
	t.wire.dead = true;
	while (libssh2_session_free(t.session) == LIBSSH2_ERROR_EAGAIN)
		;
	close(t.wire.fd);
	transport_release(&t.wire);
	libssh2_exit();
	return 0;
}

/* Turn by turn until the handshake has failed; returns the most that one turn took. */
static size_t
shake(void)
{
	size_t most = 0;
	int rc;

	do {
		transport_turn(&t.wire);
		rc = libssh2_session_handshake(t.session, t.wire.fd);
		most = t.wire.taken > most ? t.wire.taken : most;
		if (rc == LIBSSH2_ERROR_EAGAIN && !t.wire.dead)
			usleep(100);
	} while (rc == LIBSSH2_ERROR_EAGAIN);
	assert_true(rc < 0);
	return most;
}

static void
endless_lines_are_not_a_banner(void **state)
{
	(void)state;
	peer_start("", "Hi\r\n", 4);
	shake();
	assert_true(t.wire.dead && !t.wire.greeted);
	assert_non_null(strstr(t.wire.why, "no line starts with 'SSH-'"));
	assert_int_equal(t.wire.line, TRANSPORT_LINES);
}

static void
bytes_without_a_line_are_not_a_banner(void **state)
{
	(void)state;
	peer_start("", "noise", 5);
	shake();
	assert_true(t.wire.dead && !t.wire.greeted);
	assert_non_null(strstr(t.wire.why, "no line starts with 'SSH-'"));
	assert_true(t.wire.received >= TRANSPORT_GREETING &&
		    t.wire.received < 2 * TRANSPORT_GREETING);
}

static void
a_banner_may_follow_other_lines(void **state)
{
	(void)state;
	peer_start("Welcome\r\nSSH\r\nSSH-2.0-x\r\n", "", 0);
	for (int i = 0; i < 1000 && !t.wire.greeted; i++) {
		transport_turn(&t.wire);
		assert_true(transport_fill(&t.wire));
		usleep(1000);
	}
	assert_true(t.wire.greeted && !t.wire.dead);
	assert_null(t.wire.why);
}

/* SSH_MSG_IGNORE before there is a key: 12 bytes after the length, 6 of them padding. */
static const char ignore[] = "\0\0\0\014\006\002\0\0\0\0\0\0\0\0\0";

static void
packets_that_nobody_asked_for_end_it(void **state)
{
	(void)state;
	peer_start("SSH-2.0-x\r\n", ignore, 16);
	assert_true(shake() <= TRANSPORT_TURN + 64 * 1024);
	assert_true(t.wire.dead && t.wire.greeted);
	assert_non_null(strstr(t.wire.why, "that dray did not ask for"));
	assert_true(t.wire.received >= TRANSPORT_IDLE &&
		    t.wire.received <= TRANSPORT_IDLE + 64 * 1024);
}

static void
useful_packets_do_not_count(void **state)
{
	(void)state;
	peer_start("SSH-2.0-x\r\n", ignore, 16);
	while (t.wire.received < 3 * TRANSPORT_IDLE) {
		transport_turn(&t.wire);
		transport_useful(&t.wire, 0);
		assert_int_equal(libssh2_session_handshake(t.session, t.wire.fd),
				 LIBSSH2_ERROR_EAGAIN);
		assert_false(t.wire.dead);
	}
}

/* A clock that advances with every look at it. */
static long long ticking(void) { static long long now = 1000; return ++now; }

static void
a_turn_is_limited_by_time(void **state)
{
	long long (*clock)(void) = loop_clock;
	static char bytes[2 * TRANSPORT_TURN_MS];

	(void)state;
	peer_start("", "x", 1);
	while (recv(t.wire.fd, bytes, sizeof bytes, MSG_PEEK) < (ssize_t)sizeof bytes)
		usleep(100);
	loop_clock = ticking;
	transport_turn(&t.wire);
	assert_int_equal(libssh2_session_handshake(t.session, t.wire.fd), LIBSSH2_ERROR_EAGAIN);
	loop_clock = clock;
	/* libssh2 reads a banner byte by byte. */
	assert_true(t.wire.tired && t.wire.received > 0 && t.wire.received < TRANSPORT_TURN_MS);
	transport_turn(&t.wire);
	assert_false(t.wire.tired);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(endless_lines_are_not_a_banner, setup, teardown),
		cmocka_unit_test_setup_teardown(bytes_without_a_line_are_not_a_banner, setup, teardown),
		cmocka_unit_test_setup_teardown(a_banner_may_follow_other_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(packets_that_nobody_asked_for_end_it, setup, teardown),
		cmocka_unit_test_setup_teardown(useful_packets_do_not_count, setup, teardown),
		cmocka_unit_test_setup_teardown(a_turn_is_limited_by_time, setup, teardown),
	};

	return cmocka_run_group_tests_name("transport", tests, NULL, NULL);
}
