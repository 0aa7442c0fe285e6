/* Cases for a session with several requests: their order, and which ones wait for which. Include it
 * after session_bed.h. */

enum { MANY = 100 };

static void
pipelined_requests_answer_in_order(void **state)
{
	struct bed *b = *state;
	struct request *q = xcalloc(MANY, sizeof *q);
	struct script *script = xcalloc(MANY, sizeof *script);
	char (*number)[12] = xcalloc(MANY, sizeof *number);
	const char *argv[MANY];

	for (int i = 0; i < MANY; i++) {
		request_init(b, &q[i], &script[i], "echo \"$1\"\n");
		snprintf(number[i], sizeof number[i], "%d", i);
		argv[i] = number[i];
		q[i].task.argv = &argv[i];
		q[i].task.argc = 1;
		session_send(b->session, &q[i]);
	}
	run(b);
	for (int i = 0; i < MANY; i++) {
		assert_true(q[i].result.ran);
		assert_int_equal(atoi(str_text(&q[i].result.out)), i);
		result_release(&q[i].result);
	}
	assert_int_equal(session_stats(b->session).requests, MANY);
	free(q);
	free(script);
	free(number);
}

static void
cancel_before_and_while_it_runs(void **state)
{
	struct bed *b = *state;
	struct script script[2];
	struct request q[2];
	struct script quick;
	struct request look;

	for (int i = 0; i < 2; i++) {
		request_init(b, &q[i], &script[i], "sleep 300\n");
		q[i].task.changes = true;
		session_send(b->session, &q[i]);
	}
	request_init(b, &look, &quick, "read -r _ <\"$HOME/gate\"\n");
	session_send(b->session, &look);
	session_cancel(b->session, &q[1]);
	b->left = 1;
	run(b);                 /* q[1] only */
	assert_false(q[1].result.ran);
	session_cancel(b->session, &q[0]);
	gate_open();            /* the look runs until then, and is left alone */
	b->left = 2;
	run(b);
	assert_false(q[0].result.ran);
	assert_string_equal(q[0].result.why.text, "cancelled");
	assert_true(look.result.ran);
	result_release(&q[0].result);
	result_release(&q[1].result);
	result_release(&look.result);
}

/* Open the gate, and wait for the one request that is left. */
static void
gate_pass(struct bed *b)
{
	gate_open();
	b->left = 1;
	run(b);
}

static void
a_look_does_not_wait_for_a_change(void **state)
{
	struct bed *b = *state;
	struct script slow, quick;
	struct request change, look;

	request_init(b, &change, &slow, "read -r _ <\"$HOME/gate\"\n");
	change.task.changes = true;
	session_send(b->session, &change);
	request_init(b, &look, &quick, "echo quick\n");
	session_send(b->session, &look);
	b->left = 1;
	run(b);
	assert_true(look.result.ran);
	assert_false(change.result.ran);
	gate_pass(b);
	assert_true(change.result.ran);
	result_release(&look.result);
	result_release(&change.result);
}

/* Send a script that runs aside until the gate opens, once the session has its first shell. */
static void
aside_send(struct bed *b, struct request *q, struct script *script)
{
	struct request first;

	one(b, &first, "echo first\n");
	result_release(&first.result);
	request_init(b, q, script, "read -r _ <\"$HOME/gate\"\n");
	q->task.aside = true;
	session_send(b->session, q);
}

static void
a_change_does_not_wait_for_what_runs_aside(void **state)
{
	struct bed *b = *state;
	struct script slow, quick;
	struct request aside, change;

	aside_send(b, &aside, &slow);
	request_init(b, &change, &quick, "echo quick\n");
	change.task.changes = true;
	session_send(b->session, &change);
	b->left = 1;
	run(b);
	assert_true(change.result.ran);
	assert_false(aside.result.ran);
	gate_pass(b);
	assert_true(aside.result.ran);
	result_release(&aside.result);
	result_release(&change.result);
}

/* Not even for a moment: a script that runs aside may end only after those sent later did. */
static void
nothing_waits_for_what_runs_aside(void **state)
{
	struct bed *b = *state;
	struct script slow, quick;
	struct request aside, other, look;

	aside_send(b, &aside, &slow);
	request_init(b, &other, &quick, "echo quick\n");
	other.task.aside = true;
	session_send(b->session, &other);
	request_init(b, &look, &quick, "echo quick\n");
	session_send(b->session, &look);
	b->left = 2;
	run(b);
	assert_true(other.result.ran);
	assert_true(look.result.ran);
	assert_false(aside.result.ran);
	gate_pass(b);
	assert_true(aside.result.ran);
	result_release(&aside.result);
	result_release(&other.result);
	result_release(&look.result);
}
