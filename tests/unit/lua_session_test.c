/* Sessions through executors that are Lua files: everything that holds for a session, with
 * each far shell there is, and what only such an executor can get wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/wait.h>

#include "executors/lua_file.h"
#include "executors/near.h"
#include "tests/unit/session_cases.h"

static char folder[] = "/tmp/dray-lua-test.XXXXXX";

static void
file_write(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* A session over connect(node) with this body, in a file of its own. */
static struct bed *
bed_new(const char *body)
{
	static const struct spec_node spec = {.ssh.connect_timeout = {.value = 2, .set = true}};
	struct str text = {0};
	struct bed *b;

	str_printf(&text, "return {\n\tconnect = function(node)\n\t\t%s\n\tend,\n}\n", body);
	file_write("case.lua", text.buf);
	str_release(&text);
	bed_node = (struct node){.name = "there", .host = "there.example", .executor = "case.lua",
				 .folder = folder, .spec = &spec, .rank = 3, .gpus = 8,
				 .role = ROLE_WORKER};
	setup((void **)&b);
	return b;
}

static void bed_free(struct bed *b) { teardown((void **)&b); }

/* The program `sh -c SCRIPT` as an executor says `said` for "echo hello". */
static void
says_hello(const char *script)
{
	struct str body = {0};
	struct request q;
	struct bed *b;

	str_printf(&body, "return {'sh', '-c', [==[%s]==]}", script);
	b = bed_new(body.buf);
	one(b, &q, "echo hello\n");
	if (!q.result.ran)
		fail_msg("%s: %s", script, q.result.why);
	assert_string_equal(str_text(&q.result.out), "hello\n");
	assert_string_equal(str_text(&q.result.err), "");
	result_release(&q.result);
	bed_free(b);
	str_release(&body);
}

/* The session fails with these words, and those of the hint when it is given. */
static void
fails_with(const char *body, const char *why, const char *hint)
{
	struct bed *b = bed_new(body);
	struct request q;

	one(b, &q, "echo hello\n");
	assert_false(q.result.ran);
	if (!strstr(q.result.why, why))
		fail_msg("'%s' does not say '%s'", q.result.why, why);
	if (hint && !strstr(b->err.hint, hint))
		fail_msg("the hint '%s' does not say '%s'", b->err.hint, hint);
	result_release(&q.result);
	bed_free(b);
}

static void
noise_is_no_harm(void **state)
{
	(void)state;
	says_hello("exec sh");
	says_hello("echo Welcome; echo 'Defaulted container \"a\" out of: a, b' >&2; exec sh");
	says_hello("head -c 300000 /dev/zero | tr '\\0' 'x'; echo; exec sh");
	says_hello("head -c 300000 /dev/urandom; head -c 300000 /dev/urandom >&2; exec sh");
	says_hello("sleep 1; exec sh");
	/* An echo of what we send, as a terminal or `set -v` makes it. */
	says_hello("exec sh -v");
	says_hello("exec sh -x 2>&1");
	/* Blocks of any size in between. */
	says_hello("dd bs=1 2>/dev/null | sh | dd bs=7 2>/dev/null");
	says_hello("cd /; exec env -i PATH=/usr/bin:/bin sh");
}

static void
what_does_not_start_says_why(void **state)
{
	(void)state;
	fails_with("return {'no-such-program', 'x'}", "start 'no-such-program': No such file or directory",
		   NULL);
	fails_with("return {'/etc/passwd'}", "start '/etc/passwd': Permission denied", NULL);
	fails_with("return {'sh', '-c', 'echo banner; echo no such pod >&2; exit 3'}",
		   "'sh' ended with status 3 before there was a shell; it said: no such pod",
		   "by hand: echo hostname | sh -c 'echo banner; echo no such pod >&2; exit 3'");
	fails_with("return {'true'}", "'true' ended with status 0 before there was a shell", NULL);
	fails_with("return {'sh', '-c', 'kill -9 $$'}", "'sh' was killed by signal 9", NULL);
	fails_with("return {'sh', '-c', 'echo waiting for a node >&2; exec sleep 60'}",
		   "'sh' gave no shell within 2 s; it said: waiting for a node", "by hand");
	fails_with("return {'cat'}", "'cat' gave no shell within 2 s", NULL);
	fails_with("return {'python3', '-c', 'import pty; pty.spawn(\"sh\")'}",
		   "'python3' puts a terminal in between", NULL);
	/* Ignores that we are gone: it is no use to wait for it. */
	fails_with("return {'sh', '-c', 'trap \"\" HUP; exec sleep 60'}", "within 2 s", NULL);
}

static void
what_connect_returns_is_checked(void **state)
{
	(void)state;
	fails_with("return nil", "case.lua:2: connect() must return a list of texts", NULL);
	fails_with("return {}", "must return a list of texts", NULL);
	fails_with("return 'kubectl exec'", "must return a list of texts", NULL);
	fails_with("return {program = 'sh'}", "must return a list of texts", NULL);
	fails_with("return {'sh', 5}", "word 2 of the list is no text", NULL);
	fails_with("return {'sh', {}}", "word 2 of the list is no text", NULL);
	fails_with("return {''}", "word 1 of the list is empty", NULL);
	fails_with("return {'sh', 'a\\0b'}", "word 2 of the list has a NUL in it", NULL);
	fails_with("return {print}", "case.lua", NULL);
	fails_with("local x = node.labels.a.b", "case.lua:3:", NULL);
	fails_with("error('no node ' .. node.name)", "case.lua:3: no node there", NULL);
	fails_with("node.host = 'x'; return {'sh'}", "case.lua:3:", NULL);
	fails_with("while true do end", "case.lua", NULL);
}

static void
what_is_no_executor(void **state)
{
	static const struct { const char *text, *why; } bad[] = {
		{"return {", "case.lua:1"}, {"", "case.lua"}, {"return 5", "case.lua"},
		{"return {tunnel = function() end}", "no function connect(node)"},
		{"error('at once')", "case.lua:1: at once"},
		{"return {connect = {'sh'}}", "no function connect(node)"},
		{"return require('x')", "case.lua:1"},
	};
	struct arena a = {0};
	struct err e = {0};
	struct node node = {.name = "x", .host = "x", .executor = "case.lua", .gpus = -1};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		file_write("case.lua", bad[i].text);
		assert_null(lua_connect(&a, folder, "case.lua", &node, &e));
		if (!strstr(e.text, bad[i].why))
			fail_msg("'%s' does not say '%s'", e.text, bad[i].why);
	}
	assert_null(lua_connect(&a, folder, "missing.lua", &node, &e));
	assert_non_null(strstr(e.text, "missing.lua': No such file or directory"));
	arena_release(&a);
}

static void
the_node_is_all_there(void **state)
{
	static const struct pair labels[] = {{.key.text = "zone", .value.text = "a b"}};
	static const char text[] =
		"return {connect = function(node)\n"
		"local n = 0\n"
		"for _ in pairs(node) do n = n + 1 end\n"
		"return {node.name, node.host, node.address, tostring(node.rank + 1), node.role,\n"
		"  tostring(node.gpus), node.labels.zone, tostring(node.labels.none), tostring(n)}\n"
		"end}";
	static const char *const want[] = {"gpu-4", "h", "192.0.2.4", "4", "worker", "8", "a b", "nil",
					   "7"};
	struct spec_node spec = {.labels = {.v = (struct pair *)(uintptr_t)labels, .n = 1}};
	struct node node = {.name = "gpu-4", .host = "h", .address = "192.0.2.4", .rank = 3,
			    .role = ROLE_WORKER, .gpus = 8, .spec = &spec};
	const char *const *argv;
	struct arena a = {0};
	struct err e = {0};

	(void)state;
	file_write("case.lua", text);
	argv = lua_connect(&a, folder, "case.lua", &node, &e);
	if (!argv)
		fail_msg("%s", e.text);
	for (size_t i = 0; i < sizeof want / sizeof *want; i++)
		assert_string_equal(argv[i], want[i]);
	assert_null(argv[sizeof want / sizeof *want]);
	arena_release(&a);
}

static void
no_word_is_parsed_by_a_shell(void **state)
{
	struct bed *b = bed_new("return {'env', 'V=it\\'s $HOME `id` \"x\"\\n\\t* \xc3\xbc', 'sh'}");
	struct request q;

	(void)state;
	one(b, &q, "printf %s \"$V\"; echo; echo \"$SECRET_THING\"; pwd\n");
	assert_true(q.result.ran);
	assert_non_null(strstr(q.result.out.buf, "it's $HOME `id` \"x\"\n\t* \xc3\xbc\nall of it\n"));
	/* It starts in the folder of the spec, as a relative program must be found. */
	assert_non_null(strstr(q.result.out.buf, folder));
	result_release(&q.result);
	bed_free(b);
}

static void
it_dies_in_the_middle(void **state)
{
	struct bed *b = bed_new("return {'sh', '-c', 'sh; echo pod was evicted >&2; exit 137'}");
	struct request q;

	(void)state;
	one(b, &q, "read -r _ _ _ p _ </proc/$PPID/stat; kill -9 $p; sleep 1\n");
	assert_false(q.result.ran);
	assert_string_equal(q.result.why, "'sh' ended with status 137; it said: pod was evicted");
	result_release(&q.result);
	bed_free(b);
	b = bed_new("return {'sh'}");
	one(b, &q, "read -r _ _ _ p _ </proc/$PPID/stat; kill -9 $p; sleep 1\n");
	assert_string_equal(q.result.why, "'sh' was killed by signal 9");
	result_release(&q.result);
	bed_free(b);
}

/* Whoever has it: the lock is the connection's, and the connection is ours. */
static void
the_lock_is_free_when_we_are_gone(void **state)
{
	struct bed *b = bed_new("return {'sh', '-c', 'sh | cat'}");
	char file[64], command[128];
	const char *argv[] = {file};
	struct script script;
	struct request q;

	(void)state;
	snprintf(file, sizeof file, "%s/lock", folder);
	snprintf(command, sizeof command, "flock -n %s true", file);
	request_init(b, &q, &script, "command exec 9>>\"$1\" || return 1\nflock -n 9 || return 75\n");
	script.name = "lock";
	q.task.argv = argv;
	q.task.argc = 1;
	session_send(b->session, &q);
	run(b);
	assert_true(q.result.ran);
	assert_int_equal(q.result.status, 0);
	assert_int_not_equal(system(command), 0);
	result_release(&q.result);
	bed_free(b);
	/* The shell that held it needs a moment to die. */
	snprintf(command, sizeof command, "flock -w 5 %s true", file);
	assert_int_equal(system(command), 0);
}

static void
every_shell_is_a_program(void **state)
{
	struct bed *b = bed_new("return {'sh', '-c', 'echo x >>starts; exec sh'}");
	struct script slow, quick;
	struct request change, look;
	char command[128];

	(void)state;
	request_init(b, &change, &slow, "sleep 2\n");
	change.task.changes = true;
	session_send(b->session, &change);
	request_init(b, &look, &quick, "wc -l <starts\n");
	session_send(b->session, &look);
	run(b);
	assert_true(change.result.ran && look.result.ran);
	assert_string_equal(str_text(&look.result.out), "2\n");
	result_release(&look.result);
	result_release(&change.result);
	bed_free(b);
	snprintf(command, sizeof command, "rm %s/starts", folder);
	assert_int_equal(system(command), 0);
}

static void
nothing_is_left_to_reap(void **state)
{
	struct bed *b = bed_new("return {'sh'}");
	struct request q;

	(void)state;
	one(b, &q, "true\n");
	result_release(&q.result);
	bed_free(b);
	errno = 0;
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* All that holds for a session, through the far shell `argv`, in a process of its own:
 * most of it is waiting. */
static pid_t
shell_group(const char *name, const char *argv)
{
	static const struct CMUnitTest tests[] = {SESSION_CASES};
	char file[64];
	struct str text = {0};
	pid_t pid;

	snprintf(file, sizeof file, "%s.lua", name);
	str_printf(&text, "return {connect = function() return {%s} end}", argv);
	file_write(file, text.buf);
	str_release(&text);
	pid = fork();
	if (pid != 0)
		return pid;
	bed_node = (struct node){.name = "there", .host = "there", .executor = file, .folder = folder};
	exit(cmocka_run_group_tests_name(name, tests, NULL, NULL) != 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(noise_is_no_harm),
		cmocka_unit_test(what_does_not_start_says_why),
		cmocka_unit_test(what_connect_returns_is_checked),
		cmocka_unit_test(what_is_no_executor),
		cmocka_unit_test(the_node_is_all_there),
		cmocka_unit_test(no_word_is_parsed_by_a_shell),
		cmocka_unit_test(it_dies_in_the_middle),
		cmocka_unit_test(the_lock_is_free_when_we_are_gone),
		cmocka_unit_test(every_shell_is_a_program),
		cmocka_unit_test(nothing_is_left_to_reap),
	};
	pid_t pid[3];
	char command[128];
	int failed = 0, status;

	if (!mkdtemp(folder))
		return 1;
	setenv("SECRET_THING", "all of it", 1);
	pid[0] = shell_group("dash", "'dash'");
	pid[1] = shell_group("bash", "'bash'");
	/* Its own programs first, as on a machine that has no others. */
	pid[2] = shell_group("busybox", "'busybox', 'sh'");
	for (size_t i = 0; i < 3; i++)
		failed += waitpid(pid[i], &status, 0) != pid[i] || status != 0;
	failed += cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof command, "rm -r %s", folder);
	return system(command) != 0 || failed;
}
