/* Sessions through executors that are Lua files: all cases for sessions, with three shells or those
 * of $SHELLS, and what can go wrong only with such an executor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/wait.h>

#include "executors/io/patience.h"
#include "lua/vm_private.h"
#include "executors/program/lua_file.h"
#include "executors/program/local_stream.h"
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

/* Limit in seconds. */
static long long connect_s = 120;

/* A session through connect(node) with this body, in its own file. */
static struct bed *
bed_new(const char *body)
{
	static struct spec_node spec = {.ssh.connect_timeout.set = true};
	struct str text = {0};
	struct bed *b;

	spec.ssh.connect_timeout.value = connect_s;
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

/* What an executor that is the program `sh -c SCRIPT` returns for "echo hello". */
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
		fail_msg("%s: %s", script, q.result.why.text);
	assert_string_equal(str_text(&q.result.out), "hello\n");
	assert_string_equal(str_text(&q.result.err), "");
	result_release(&q.result);
	bed_free(b);
	str_release(&body);
}

/* The session fails with this message, and with this hint if it is given. */
static void
fails_with(const char *body, const char *why, const char *hint)
{
	struct bed *b = bed_new(body);
	struct request q;

	one(b, &q, "echo hello\n");
	assert_false(q.result.ran);
	if (!strstr(q.result.why.text, why))
		fail_msg("'%s' does not say '%s'", q.result.why.text, why);
	if (hint && !strstr(b->err.hint, hint))
		fail_msg("the hint '%s' does not say '%s'", b->err.hint, hint);
	result_release(&q.result);
	bed_free(b);
}

static void
noise_is_harmless(void **state)
{
	(void)state;
	says_hello("exec sh");
	says_hello("echo Welcome; echo 'Defaulted container \"a\" out of: a, b' >&2; exec sh");
	says_hello("head -c 300000 /dev/zero | tr '\\0' 'x'; echo; exec sh");
	says_hello("head -c 300000 /dev/urandom; head -c 300000 /dev/urandom >&2; exec sh");
	says_hello("sleep 0.2; exec sh");
	/* An echo of what we send, as by a terminal or `set -v`. */
	says_hello("exec sh -v");
	says_hello("exec sh -x 2>&1");
	/* Blocks of any size in between. */
	says_hello("dd bs=1 2>/dev/null | sh | dd bs=7 2>/dev/null");
	says_hello("cd /; exec env -i PATH=/usr/bin:/bin sh");
}

static void
an_executor_that_does_not_start_says_why(void **state)
{
	(void)state;
	fails_with("return {'no-such-program', 'x'}", "start 'no-such-program': No such file or directory",
		   NULL);
	fails_with("return {'/etc/passwd'}", "start '/etc/passwd': Permission denied", NULL);
	fails_with("return {'sh', '-c', 'echo banner; echo no such pod >&2; exit 3'}",
		   "'sh' ended with status 3 before the shell started; it said: no such pod",
		   "by hand: echo hostname | sh -c 'echo banner; echo no such pod >&2; exit 3'");
	fails_with("return {'true'}", "'true' ended with status 0 before the shell started", NULL);
	fails_with("return {'sh', '-c', 'kill -9 $$'}", "'sh' was killed by signal 9", NULL);
	fails_with("return {'sh', '-c', 'echo waiting for a node >&2; echo 120 >$HOME/clock; exec sleep 60'}",
		   "'sh' did not start a shell within 120 s; it said: waiting for a node", "by hand");
	/* It sends back what it receives. */
	fails_with("return {'sh', '-c', 'dd bs=65536 count=1; echo 120 >$HOME/clock; exec cat'}",
		   "'sh' did not start a shell within 120 s", NULL);
	fails_with("return {'python3', '-c', 'import pty; pty.spawn(\"sh\")'}",
		   "'python3' uses a terminal", NULL);
	/* It goes on although the connection is closed, so don't wait for it. */
	fails_with("return {'sh', '-c', 'trap \"\" HUP; echo 120 >$HOME/clock; exec sleep 60'}", "within 120 s", NULL);
}

/* Each look at the clock of computing time is a tenth of a second later. */
static long long
by_looks(void)
{
	static long long ms;

	return ms += 100;
}

static void
what_connect_returns_is_checked(void **state)
{
	long long (*as_it_is)(void) = slice_clock;

	(void)state;
	fails_with("return nil", "case.lua:2: connect() must return a list of strings", NULL);
	fails_with("return {}", "must return a list of strings", NULL);
	fails_with("return 'kubectl exec'", "must return a list of strings", NULL);
	fails_with("return {program = 'sh'}", "must return a list of strings", NULL);
	fails_with("return {'sh', 5}", "word 2 of the list is not a string", NULL);
	fails_with("return {'sh', {}}", "word 2 of the list is not a string", NULL);
	fails_with("return {''}", "word 1 of the list is empty", NULL);
	fails_with("return {'sh', 'a\\0b'}", "word 2 of the list contains a NUL", NULL);
	fails_with("return {print}", "case.lua", NULL);
	fails_with("local x = node.labels.a.b", "case.lua:3:", NULL);
	fails_with("error('no node ' .. node.name)", "case.lua:3: no node there", NULL);
	fails_with("node.host = 'x'; return {'sh'}", "case.lua:3:", NULL);
	slice_clock = by_looks;
	fails_with("while true do end", "case.lua:3: computed for more than 5 s", NULL);
	slice_clock = as_it_is;
}

static void
what_is_not_an_executor(void **state)
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
connect_gets_the_whole_node(void **state)
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
	/* It starts in the folder of the spec, where a relative program is looked up. */
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
	assert_string_equal(q.result.why.text, "'sh' ended with status 137; it said: pod was evicted");
	result_release(&q.result);
	bed_free(b);
	b = bed_new("return {'sh'}");
	one(b, &q, "read -r _ _ _ p _ </proc/$PPID/stat; kill -9 $p; sleep 1\n");
	assert_string_equal(q.result.why.text, "'sh' was killed by signal 9");
	result_release(&q.result);
	bed_free(b);
}

/* The lock belongs to the connection, and dray holds the connection. */
static void
the_lock_is_free_once_the_session_is_closed(void **state)
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
	snprintf(command, sizeof command, "flock -w 60 %s true", file);
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
	request_init(b, &change, &slow, "read -r _ <\"$HOME/gate\"\n");
	change.task.changes = true;
	session_send(b->session, &change);
	request_init(b, &look, &quick, "wc -l <starts\n");
	session_send(b->session, &look);
	b->left = 1;
	run(b);
	assert_true(look.result.ran && !change.result.ran);
	gate_open();
	b->left = 1;
	run(b);
	assert_true(change.result.ran);
	assert_string_equal(str_text(&look.result.out), "2\n");
	result_release(&look.result);
	result_release(&change.result);
	bed_free(b);
	snprintf(command, sizeof command, "rm %s/starts", folder);
	assert_int_equal(system(command), 0);
}

/* The clock runs from the moment when the script says that it has started. */
static void
on_begun(struct request *q, const char *text)
{
	assert_string_equal(text, "begun");
	(void)q;
	gate_open();
	clock_run(3);
}

/* A silent script goes on when two others are sent: they only ask whether it lives. */
static void
go_on_when_asked(void *arg)
{
	struct bed *b = arg;

	if (session_stats(b->session).requests >= 3)
		gate_open();
	else
		loop_after(b->loop, 100, go_on_when_asked, b);
}

/* An executor whose output stops when the script says so (after its start was heard). With
 * FOLDER/deaf there is no other shell, either. */
static void
hangs(const char *script, unsigned answer_s, const char *why)
{
	struct str body = {0}, text = {0};
	unsigned quiet = patience.quiet, answer = patience.answer;
	struct script in;
	struct request q;
	struct bed *b;

	patience.quiet = 1;
	patience.answer = answer_s;
	connect_s = 600;
	str_printf(&body, "return {'sh', '-c', [==[cd %s; [ ! -e deaf ] || exec sleep 60\n"
		   "sh | sh -c 'echo $$ >>out; exec cat']==]}", folder);
	b = bed_new(body.buf);
	str_printf(&text, "cd %s; out=$(head -n 1 out); echo progress begun >&3; read -r _ <gate\n%s",
		   folder, script);
	request_init(b, &q, &in, text.buf);
	q.progress = on_begun;
	session_send(b->session, &q);
	if (!why)
		loop_after(b->loop, 100, go_on_when_asked, b);
	run(b);
	if (why) {
		assert_false(q.result.ran);
		if (!strstr(q.result.why.text, why))
			fail_msg("%s", q.result.why.text);
		assert_true(session_lost(b->session));
	} else {
		assert_true(q.result.ran);
		assert_int_equal(q.result.status, 0);
	}
	result_release(&q.result);
	/* Let what was stopped continue, so that it ends. */
	connect_s = 120;
	patience.quiet = quiet;
	patience.answer = answer;
	str_reset(&text);
	str_printf(&text, "cd %s; while read -r p; do kill -CONT $p; done <out; rm -f out deaf", folder);
	assert_int_equal(system(text.buf), 0);
	bed_free(b);
	str_release(&body);
	str_release(&text);
}

static void
a_connection_that_hangs_is_noticed(void **state)
{
	(void)state;
	hangs("kill -STOP $out\n", 600, "has ended, but its answer does not arrive");
	hangs(": >deaf; kill -STOP $out\n", 1, "another shell does not answer either");
	hangs("read -r _ <gate\n", 600, NULL);      /* silent, but fine */
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

/* All cases for a session, through the shell `argv`, in a process of its own: most of it is
 * waiting. */
static pid_t
shell_group(const char *name, const char *argv)
{
	static const struct CMUnitTest tests[] = {SESSION_CASES};
	char file[64], home[64];
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
	snprintf(home, sizeof home, "%s/%s", folder, name);
	mkdir(home, 0700);
	setenv("HOME", home, 1);
	exit(cmocka_run_group_tests_name(name, tests, NULL, NULL) != 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(noise_is_harmless),
		cmocka_unit_test(an_executor_that_does_not_start_says_why),
		cmocka_unit_test(what_connect_returns_is_checked),
		cmocka_unit_test(what_is_not_an_executor),
		cmocka_unit_test(connect_gets_the_whole_node),
		cmocka_unit_test(no_word_is_parsed_by_a_shell),
		cmocka_unit_test(it_dies_in_the_middle),
		cmocka_unit_test(the_lock_is_free_once_the_session_is_closed),
		cmocka_unit_test(every_shell_is_a_program),
		cmocka_unit_test(a_connection_that_hangs_is_noticed),
		cmocka_unit_test(nothing_is_left_to_reap),
	};
	/* busybox: only the shell's own programs, as on a machine that has no others. */
	static const char *const shell[] = {"dash", "bash", "busybox"};
	static const char *const argv[] = {"'dash'", "'bash'", "'busybox', 'sh'"};
	const char *shells = getenv("SHELLS");
	pid_t pid[3];
	char command[128];
	int failed = 0, status;

	if (!mkdtemp(folder))
		return 1;
	setenv("SECRET_THING", "all of it", 1);
	setenv("HOME", folder, 1);
	for (size_t i = 0; i < 3; i++)
		pid[i] = !shells || strstr(shells, shell[i]) ? shell_group(shell[i], argv[i]) : 0;
	for (size_t i = 0; i < 3; i++)
		failed += pid[i] && (waitpid(pid[i], &status, 0) != pid[i] || status != 0);
	failed += cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof command, "rm -r %s", folder);
	return system(command) != 0 || failed;
}
