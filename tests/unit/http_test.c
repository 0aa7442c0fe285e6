/* Transfers from a server of the test, directly and through a session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "executors/session/session.h"
#include "tests/unit/http_server.h"

static void
token_and_body_arrive(void **state)
{
	struct http h = {.bearer = "tok", .body = "{\"a\":1}"};

	(void)state;
	fetch(&h, 0, "/echo");
	assert_int_equal(h.status, 200);
	assert_non_null(strstr(h.answer.buf, "Authorization: Bearer tok\r\n"));
	assert_non_null(strstr(h.answer.buf, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(h.answer.buf, "\r\n\r\n{\"a\":1}"));
	assert_null(strstr(h.answer.buf, "Expect:"));
	http_release(&h);
}

static void
a_token_stays_with_its_origin(void **state)
{
	struct http near = {.bearer = "tok"}, far = {.bearer = "tok"};

	(void)state;
	fetch(&near, 0, "/near");
	assert_int_equal(near.status, 200);
	assert_non_null(strstr(near.answer.buf, "Bearer tok"));
	fetch(&far, 0, "/far");
	assert_int_equal(far.status, 200);
	assert_null(strstr(far.answer.buf, "tok"));
	http_release(&near);
	http_release(&far);
}

/* The header of that name in the answer, or NULL. */
static const char *
head_of(const struct http *h, const char *want)
{
	const char *name, *value;

	for (size_t at = 0; http_next_header(h, &at, &name, &value);) {
		if (strcmp(name, want) == 0)
			return value;
	}
	return NULL;
}

static void
headers_both_ways(void **state)
{
	static const struct http_header own[] = {
		{"Authorization", "Basic a2V5Og=="}, {"X-Empty", ""}, {"Content-Type", "text/plain"},
		{"Accept", "a\tb"}};
	struct http h = {.header = own, .nheader = 4, .body = "x"}, heads = {0}, many = {0};
	size_t n = 0, at = 0;
	const char *name, *value;

	(void)state;
	fetch(&h, 0, "/echo");
	assert_int_equal(h.status, 200);
	assert_non_null(strstr(h.answer.buf, "\r\nAuthorization: Basic a2V5Og==\r\n"));
	assert_non_null(strstr(h.answer.buf, "\r\nX-Empty:\r\n"));
	assert_non_null(strstr(h.answer.buf, "\r\nContent-Type: text/plain\r\n"));
	assert_null(strstr(h.answer.buf, "application/json"));
	assert_string_equal(head_of(&h, "connection"), "close");
	fetch(&heads, 0, "/heads");
	assert_string_equal(head_of(&heads, "x-one"), "1");
	assert_string_equal(head_of(&heads, "x-two"), "2 and  a half");
	assert_string_equal(head_of(&heads, "x-empty"), "");
	assert_null(head_of(&heads, "x-odd"));
	while (http_next_header(&heads, &at, &name, &value))
		n += strcmp(name, "set-cookie") == 0;
	assert_int_equal(n, 2);
	fetch(&many, 0, "/many");
	assert_int_equal(many.status, 200);
	assert_true(many.head.len > HTTP_MAX_HEAD - 100 && many.head.len <= HTTP_MAX_HEAD);
	http_release(&h);
	http_release(&heads);
	http_release(&many);
}

static void
any_method_any_body(void **state)
{
	struct http put = {.method = "PUT", .body = "a\0b", .nbody = 3}, post = {.method = "POST"},
		    delete = {.method = "DELETE"}, patch = {.method = "PATCH", .body = ""},
		    moved = {.method = "POST"};

	(void)state;
	fetch(&put, 0, "/echo");
	assert_non_null(strstr(put.answer.buf, "PUT /echo "));
	assert_non_null(strstr(put.answer.buf, "\r\nContent-Length: 3\r\n"));
	fetch(&post, 0, "/echo");
	assert_non_null(strstr(post.answer.buf, "POST /echo "));
	assert_non_null(strstr(post.answer.buf, "\r\nContent-Length: 0\r\n"));
	assert_null(strstr(post.answer.buf, "Content-Type"));
	fetch(&delete, 0, "/echo");
	assert_non_null(strstr(delete.answer.buf, "DELETE /echo "));
	fetch(&patch, 0, "/echo");
	assert_non_null(strstr(patch.answer.buf, "PATCH /echo "));
	/* A request that changes something is not sent again to the target of a redirect. */
	fetch(&moved, 0, "/near");
	assert_int_equal(moved.status, 302);
	assert_string_equal(head_of(&moved, "location"), "/echo");
	http_release(&put);
	http_release(&post);
	http_release(&delete);
	http_release(&patch);
	http_release(&moved);
}

static void
own_headers_stay_with_their_origin(void **state)
{
	static const struct http_header own = {"X-Key", "poison"};
	struct http near = {.header = &own, .nheader = 1}, far = {.header = &own, .nheader = 1};

	(void)state;
	fetch(&near, 0, "/near");
	assert_int_equal(near.status, 200);
	assert_non_null(strstr(near.answer.buf, "X-Key: poison"));
	fetch(&far, 0, "/far");
	assert_int_equal(far.status, 0);
	assert_int_equal(far.answer.len, 0);
	assert_non_null(strstr(far.err.text, "another host"));
	http_release(&near);
	http_release(&far);
}

static void
refused_with(struct http *h, const char *path, const char *why)
{
	fetch(h, 0, path);
	assert_int_equal(h->status, 0);
	if (!strstr(h->err.text, why))
		fail_msg("'%s' does not say '%s'", h->err.text, why);
	assert_null(strstr(h->err.text, "poison"));
	http_release(h);
}

static void
what_could_be_misread_is_refused(void **state)
{
	static const struct {
		struct http_header header;
		const char *why;
	} bad[] = {
		{{"X-A", "1\r\nX-B: poison"}, "control character"}, {{"X-A", "1\npoison"}, "control"},
		{{"X-A", "\x7fpoison"}, "control"}, {{"X A", "1"}, "not a valid header name"},
		{{"", "1"}, "not a valid header name"}, {{"X:", "1"}, "not a valid header name"},
		{{"X-\r\nY", "1"}, "not a valid header name"}, {{"Host", "other"}, "cannot be set"},
		{{"content-length", "0"}, "cannot be set"}, {{"Transfer-Encoding", "chunked"}, "cannot be set"},
		{{"Proxy-Authorization", "x"}, "cannot be set"},
	};
	struct http_header many[HTTP_MAX_HEADERS + 1];
	static char large[HTTP_MAX_HEAD + 1];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct http h = {.header = &bad[i].header, .nheader = 1};

		refused_with(&h, "/echo", bad[i].why);
	}
	for (size_t i = 0; i <= HTTP_MAX_HEADERS; i++)
		many[i] = (struct http_header){"X", "y"};
	refused_with(&(struct http){.header = many, .nheader = HTTP_MAX_HEADERS + 1}, "/echo",
		     "more than 64 headers");
	memset(large, 'x', HTTP_MAX_HEAD);
	many[0].value = large;
	refused_with(&(struct http){.header = many, .nheader = 1}, "/echo", "bytes of headers");
	refused_with(&(struct http){.method = "GET / HTTP/1.1\r\n"}, "/echo", "not an HTTP method");
	refused_with(&(struct http){.method = "get"}, "/echo", "not an HTTP method");
	refused_with(&(struct http){.method = ""}, "/echo", "not an HTTP method");
	refused_with(&(struct http){.method = "CONNECT"}, "/echo", "not an HTTP method");
	refused_with(&(struct http){.bearer = "a\nb"}, "/echo", "token");
	refused_with(&(struct http){0}, "/a b", "a space");
	refused_with(&(struct http){0}, "/\r\nX: y", "a space");
	for (size_t i = 0; i < 3; i++) {
		static const char *const urls[] = {"file:///etc/passwd", "ftp://127.0.0.1/", ""};
		struct http h = {.url = urls[i], .done = on_done};

		finished = false;
		http_start(loop, &h);
		assert_false(finished);
		loop_run(loop, &finished);
		assert_int_equal(h.status, 0);
		assert_non_null(strstr(h.err.text, "not an http:// or https:// URL"));
		http_release(&h);
	}
}

static void
redirects_end_somewhere(void **state)
{
	struct http round = {0}, file = {0}, none = {.no_redirects = true};

	(void)state;
	fetch(&round, 0, "/round");
	assert_int_equal(round.status, 0);
	assert_non_null(strstr(round.err.text, "more than 5 redirects"));
	fetch(&file, 0, "/file");
	assert_int_equal(file.status, 0);
	assert_int_equal(file.answer.len, 0);
	fetch(&none, 0, "/round");
	assert_int_equal(none.status, 302);
	http_release(&round);
	http_release(&file);
	http_release(&none);
}

static void
errors_are_reported(void **state)
{
	struct http gated = {.method = "HEAD"}, missing = {0}, big = {.max = 1000},
		    slow = {.timeout_ms = 300}, cut = {0}, refused = {0};
	int saved = port[0];

	(void)state;
	fetch(&gated, 0, "/gated");
	assert_int_equal(gated.status, 403);
	assert_string_equal(gated.error_code, "GatedRepo");
	fetch(&missing, 0, "/missing");
	assert_int_equal(missing.status, 404);
	assert_string_equal(missing.error_code, "");
	fetch(&big, 0, "/big");
	assert_int_equal(big.status, 0);
	assert_non_null(strstr(big.err.text, "larger than 1000 bytes"));
	fetch(&cut, 0, "/cut");
	assert_int_equal(cut.status, 0);
	fetch(&slow, 1, "/slow");
	assert_int_equal(slow.status, 0);
	assert_non_null(strstr(slow.err.text, "timed out"));
	port[0] = 1;
	fetch(&refused, 0, "/");
	port[0] = saved;
	assert_int_equal(refused.status, 0);
	assert_true(strlen(refused.err.text) > 0);
	http_release(&gated);
	http_release(&missing);
	http_release(&big);
	http_release(&slow);
	http_release(&cut);
	http_release(&refused);
}

static void
ready(struct request *q)
{
	(void)q;
	finished = true;
}

static void
lost(void *arg, const struct err *e)
{
	(void)arg;
	fail_msg("%s", e->text);
}

static void
through_a_session(void **state)
{
	const struct node node = {.name = "here", .host = "localhost", .executor = "local"};
	const struct script script = {.name = "test", .text = "exit 0\n"};
	struct request q = {.task.script = &script, .done = ready};
	struct session *session = session_open(loop, &node, lost, NULL);
	struct http h = {.bearer = "key", .body = "{}", .via = session}, big = {.via = session},
		    refused = {.via = session};
	int saved = port[0];

	(void)state;
	finished = false;
	session_send(session, &q);
	loop_run(loop, &finished);
	fetch(&h, 0, "/echo");
	assert_int_equal(h.status, 200);
	assert_non_null(strstr(h.answer.buf, "Bearer key"));
	fetch(&big, 0, "/big");
	assert_int_equal(big.status, 200);
	assert_int_equal(big.answer.len, 8000);
	port[0] = 1;
	fetch(&refused, 0, "/");
	port[0] = saved;
	assert_int_equal(refused.status, 0);
	assert_non_null(strstr(refused.err.text, "refused"));
	http_release(&h);
	http_release(&big);
	http_release(&refused);
	result_release(&q.result);
	session_close(session);
}

static void
nobody(void *arg, const struct err *e)
{
	(void)arg;
	(void)e;
}

/* The server of this test listens where the node's would, but it must not be asked. */
static void
without_a_tunnel_nothing_is_dialled_from_here(void **state)
{
	const struct node node = {.name = "there", .host = "there", .executor = "nonesuch"};
	struct session *session = session_open(loop, &node, nobody, NULL);

	(void)state;
	refused_with(&(struct http){.via = session}, "/echo", "cannot open connections from the node");
	session_close(session);
}

/* Time during which this process was stopped does not count. */
static void
a_standstill_of_this_process_is_not_a_timeout(void **state)
{
	struct http h = {.timeout_ms = 1500};
	pid_t us = getpid(), other = fork();

	(void)state;
	if (other == 0) {
		usleep(100000);
		kill(us, SIGSTOP);
		usleep(3000000);
		kill(us, SIGCONT);
		_exit(0);
	}
	fetch(&h, 0, "/late");
	waitpid(other, NULL, 0);
	assert_string_equal(h.err.text, "");
	assert_int_equal(h.status, 200);
	http_release(&h);
}

static void
cancelled_transfers_leave_nothing(void **state)
{
	struct http h = {.timeout_ms = 20000, .done = on_done};
	char url[64];

	(void)state;
	snprintf(url, sizeof url, "http://127.0.0.1:%d/slow", port[1]);
	h.url = url;
	finished = false;
	http_start(loop, &h);
	http_cancel(loop, &h);
	http_cancel(loop, &h);
	assert_false(finished);
	h.method = "no";
	http_start(loop, &h);
	http_cancel(loop, &h);
	http_release(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(token_and_body_arrive),
		cmocka_unit_test(a_token_stays_with_its_origin),
		cmocka_unit_test(headers_both_ways),
		cmocka_unit_test(a_standstill_of_this_process_is_not_a_timeout),
		cmocka_unit_test(any_method_any_body),
		cmocka_unit_test(own_headers_stay_with_their_origin),
		cmocka_unit_test(what_could_be_misread_is_refused),
		cmocka_unit_test(redirects_end_somewhere),
		cmocka_unit_test(through_a_session),
		cmocka_unit_test(without_a_tunnel_nothing_is_dialled_from_here),
		cmocka_unit_test(errors_are_reported),
		cmocka_unit_test(cancelled_transfers_leave_nothing),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
