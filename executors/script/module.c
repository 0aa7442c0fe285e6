/* One call of a Lua function, from its start through its waits to its end. */
#include "executors/script/module_private.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>


enum { FILE_MAX = 4 << 20 };

/* ---- what needs no wait ---- */

const char *
module_scrubbed(struct module_call *c, const char *text)
{
	struct str s = {0};
	const char *copy;

	str_puts(&s, text ? text : "");
	secrets_scrub(c->world->secrets, &s);
	copy = arena_strdup(c->arena, str_text(&s));
	str_release(&s);
	return copy;
}

static void
module_on_log(void *arg, enum vm_level level, const char *text)
{
	struct module_call *c = arg;

	if (c->world->say)
		c->world->say(c->world->arg, level,
			      module_scrubbed(c, arena_printf(c->arena, "%s: %s", c->module->file, text)));
}

static const char *
module_on_secret(void *arg, const char *text, struct err *e)
{
	struct module_call *c = arg;
	struct secret_ref ref;

	if (!secret_refer(text, &ref, e))
		return NULL;
	if (c->world->quiet && c->world->dry)
		return secrets_sample(c->world->secrets, &ref);
	if (c->world->quiet) {
		err_set(e, "'%.200s' is not read: %s", text, c->world->quiet);
		return NULL;
	}
	return secrets_get(c->world->secrets, &ref, e);
}

static bool
module_on_file(void *arg, const char *path, struct str *to, struct err *e)
{
	struct module_call *c = arg;

	return module_read(c->world->folder, path, FILE_MAX, to, e);
}

static double
module_on_now(void *arg)
{
	struct timespec now;

	(void)arg;
	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- the end ---- */

static void
module_finish(struct module_call *c, bool ok)
{
	struct module_call **at = &c->world->calls;

	wait_forget(c);
	loop_cancel(c->world->loop, &c->deadline);
	c->ok = ok;
	c->over = true;
	while (*at && *at != c)
		at = &(*at)->next;
	if (*at)
		*at = c->next;
	c->error.text = module_scrubbed(c, c->error.text);
	c->error.trace = module_scrubbed(c, c->error.trace);
}

static void
module_tell(void *arg)
{
	struct module_call *c = arg;

	c->timer = 0;
	c->then(c);
}

void
module_stop(struct module_call *c, const char *why)
{
	if (c->over)
		return;
	c->error = (struct vm_error){.text = why};
	module_finish(c, false);
	c->timer = loop_after(c->world->loop, 0, module_tell, c);
}

static void
module_on_deadline(void *arg)
{
	struct module_call *c = arg;

	c->deadline = 0;
	module_stop(c, arena_printf(c->arena, "%s() took longer than %d s", c->job.function,
				    c->job.timeout_s));
}

void
module_end(struct module_call *c)
{
	if (!c)
		return;
	if (!c->over)
		module_finish(c, false);
	loop_cancel(c->world->loop, &c->timer);
	vm_call_free(c->call);
	arena_release(&c->scratch);
	free(c);
}

struct value *
module_result(struct module_call *c, size_t i)
{
	struct value *v = vm_result(c->call, c->arena, i, &c->error);

	if (!v)
		c->error.text = module_scrubbed(c, c->error.text);
	return v;
}

const char *
module_why(const struct module_call *c)
{
	if (c->error.at.line)
		return vm_error_line(c->arena, &c->error);
	return arena_printf(c->arena, "%s: %s", c->module->file, c->error.text);
}

/* ---- its steps ---- */

/* True: the call is over. */
static bool
module_step(struct module_call *c)
{
	switch (vm_step(c->call)) {
	case VM_WAITS:
		wait_begin(c);
		return false;
	case VM_DONE:
		module_finish(c, true);
		return true;
	case VM_FAILED:
		vm_failure(c->call, c->arena, &c->error);
		module_finish(c, false);
		return true;
	}
	return true;
}

void
call_go_on(struct module_call *c)
{
	http_release(&c->http);
	c->http = (struct http){0};
	arena_release(&c->scratch);
	if (module_step(c))
		c->then(c);
}

bool
module_start(struct module_call **to, struct module_world *w, struct arena *a,
	     const struct module *script, const struct module_job *job,
	     void (*then)(struct module_call *), void *owner)
{
	struct module_call *c = xcalloc(1, sizeof *c);

	*c = (struct module_call){.world = w,
				  .module = script,
				  .job = *job,
				  .arena = a,
				  .then = then,
				  .owner = owner,
				  .next = w->calls,
				  .host = {.log = module_on_log,
					   .secret = module_on_secret,
					   .file = module_on_file,
					   .now = module_on_now,
					   .arg = c}};
	w->calls = c;
	*to = c;
	c->call = vm_call(script->vm, job->function, job->ctx, job->args, job->nargs, &c->host);
	if (module_step(c))
		return true;
	if (job->timeout_s)
		c->deadline = loop_after(w->loop, job->timeout_s * 1000L, module_on_deadline, c);
	return false;
}
