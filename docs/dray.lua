---@meta dray
-- Annotations for the Lua language server; 'dray hooks api -format luals' prints them.

---@class dray.run
---@field argv (string|integer)[] The program and its arguments.
---@field node? string The name of a node. Default: the node of the step that the event or the kind is about, else the head.
---@field stdin? string What the program reads from stdin. Secrets go here, never into `argv`.
---@field timeout? integer Seconds until the program is ended and an error is raised; default 600.
---@field check? boolean true: an exit code other than 0 raises an error.

---@class dray.ran
---@field status integer The exit code.
---@field out string Its standard output, unchanged. More than 8 MiB are an error.
---@field err string Its standard error.

---@class dray.http
---@field url string http:// or https://
---@field method? string Default: GET, or POST if there is a body.
---@field headers? table<string, string> 
---@field body? string The bytes to send.
---@field json? any Plain data to send as JSON, instead of `body`.
---@field node? string Send the request from this node, so that `http://127.0.0.1:8000` is a port of the node, instead of from this machine.
---@field timeout? integer Seconds for the whole request; default 30.

---@class dray.answer
---@field status integer 200, 404, ...
---@field headers table<string, string> Names are in lower case.
---@field body string The received bytes.
---@field json fun(self: dray.answer): any `a:json()` reads the body as JSON; raises an error if it is not JSON.

---@class dray.ctx
---@field config table the `config:` of the hook or the inventory
---@field node? string for a step kind: the node of the step
---@field step? string for a step kind: the address of the step
local ctx = {}

---Runs a program on a node, through the node's executor, and waits for it. There is no shell: each item of `argv` is one argument. The items may also be given directly: `ctx:run{"ls", "-l", node = n}`. The program starts in the home directory. An exit code other than 0 raises no error unless `check` is set.
---@param options dray.run 
---@return dray.ran
function ctx:run(options) end

---Sends a request to a web server and waits for the answer. No status raises an error, but an answer of more than 4 MiB does. A GET follows up to five redirects.
---@param options dray.http 
---@return dray.answer
function ctx:http(options) end

---Waits for that many seconds.
---@param seconds number Up to a day.
function ctx:sleep(seconds) end

---Parses JSON: objects and lists become tables, null becomes nil.
---@param text string 
---@return any
function ctx:json(text) end

---Writes plain data as one line of JSON with sorted keys. An empty table is an object.
---@param value any 
---@return string
function ctx:to_json(value) end

---Prints a line for the user. With several arguments the first is a format for string.format. Tables are shown as JSON.
---@param format string 
---@param ... any 
function ctx:log(format, ...) end

---Prints a warning; otherwise like ctx:log.
---@param format string 
---@param ... any 
function ctx:warn(format, ...) end

---Returns the secret that a reference names (`env:NAME`, `file:PATH`, `cmd:COMMAND`). If it has at least four characters, it is masked wherever dray prints.
---@param reference string 
---@return string
function ctx:secret(reference) end

---Reads a whole file in the folder of the spec or below.
---@param path string 
---@return string
function ctx:file(path) end

---Returns the seconds since 1970.
---@return number
function ctx:now() end

---@class dray.step.changes
---@field name string the attribute
---@field old? string the value that is there; nil: none, or a secret
---@field new? string the wanted value; nil: none, a secret, or not known yet
---@field secret? boolean true: the values are not shown
---@field effect string none, record, update, restart or replace

---@class dray.step
---@field address string as in the plan: serve, worker[gpu-2]
---@field kind string serve, worker, command, your own kind, ...
---@field node? string the node it runs on
---@field action string create, update, restart, replace, delete, run, unknown or conflict
---@field reason string absent, gone, interrupted, changed, stale, upstream, group, requested, unrecorded, starting, not_in_spec, destroy, unreachable, conflict, stop or stopped
---@field cause string the reason as a sentence
---@field changes dray.step.changes[] 

---@class dray.event.before_plan.nodes
---@field name string the node's name
---@field host string the host that dray dials
---@field address? string the address that other nodes dial; nil: not known yet
---@field rank integer 0 is the head
---@field role string head or worker
---@field labels table<string, string> labels of the spec
---@field in_spec boolean false: it left the spec

---@class dray.event.before_plan
---@field event string the event's name
---@field command string plan, apply, restart, stop, destroy or watch
---@field cluster string the cluster's name
---@field spec string the spec file's name
---@field nodes dray.event.before_plan.nodes[] 

---@class dray.event.after_plan.nodes
---@field name string the node's name
---@field host string the host that dray dials
---@field address? string the address that other nodes dial; nil: not known yet
---@field rank integer 0 is the head
---@field role string head or worker
---@field labels table<string, string> labels of the spec
---@field in_spec boolean false: it left the spec

---@class dray.event.after_plan.plan.layout
---@field tensor integer tensor parallel size
---@field pipeline integer pipeline parallel size
---@field data integer data parallel size
---@field nodes integer number of nodes that it uses
---@field backend string ray or mp

---@class dray.event.after_plan.plan.problems
---@field severity string error or warning
---@field node? string the node it is about
---@field text string what is wrong

---@class dray.event.after_plan.plan
---@field add integer steps to create
---@field change integer steps to update
---@field replace integer steps to replace
---@field restart integer steps to restart
---@field destroy integer steps to destroy
---@field run integer steps to run (the probe)
---@field unknown integer steps whose node did not answer
---@field conflict integer steps blocked by something foreign
---@field unchanged integer steps with nothing to do
---@field image? string the engine's image; nil: runtime none
---@field model string the model's repo or path
---@field commit? string the model's commit; nil: not known, or a path
---@field layout dray.event.after_plan.plan.layout 
---@field problems dray.event.after_plan.plan.problems[] 
---@field steps dray.step[] the operations in order, without steps that have nothing to do

---@class dray.event.after_plan
---@field event string the event's name
---@field command string plan, apply, restart, stop, destroy or watch
---@field cluster string the cluster's name
---@field spec string the spec file's name
---@field nodes dray.event.after_plan.nodes[] 
---@field plan dray.event.after_plan.plan 

---@class dray.event.on_drift.nodes
---@field name string the node's name
---@field host string the host that dray dials
---@field address? string the address that other nodes dial; nil: not known yet
---@field rank integer 0 is the head
---@field role string head or worker
---@field labels table<string, string> labels of the spec
---@field in_spec boolean false: it left the spec

---@class dray.event.on_drift.plan.layout
---@field tensor integer tensor parallel size
---@field pipeline integer pipeline parallel size
---@field data integer data parallel size
---@field nodes integer number of nodes that it uses
---@field backend string ray or mp

---@class dray.event.on_drift.plan.problems
---@field severity string error or warning
---@field node? string the node it is about
---@field text string what is wrong

---@class dray.event.on_drift.plan
---@field add integer steps to create
---@field change integer steps to update
---@field replace integer steps to replace
---@field restart integer steps to restart
---@field destroy integer steps to destroy
---@field run integer steps to run (the probe)
---@field unknown integer steps whose node did not answer
---@field conflict integer steps blocked by something foreign
---@field unchanged integer steps with nothing to do
---@field image? string the engine's image; nil: runtime none
---@field model string the model's repo or path
---@field commit? string the model's commit; nil: not known, or a path
---@field layout dray.event.on_drift.plan.layout 
---@field problems dray.event.on_drift.plan.problems[] 
---@field steps dray.step[] the operations in order, without steps that have nothing to do

---@class dray.event.on_drift
---@field event string the event's name
---@field command string plan, apply, restart, stop, destroy or watch
---@field cluster string the cluster's name
---@field spec string the spec file's name
---@field nodes dray.event.on_drift.nodes[] 
---@field plan dray.event.on_drift.plan 
---@field drift dray.step[] the steps of plan.steps that repair changes from outside

---@class dray.event.before_apply.nodes
---@field name string the node's name
---@field host string the host that dray dials
---@field address? string the address that other nodes dial; nil: not known yet
---@field rank integer 0 is the head
---@field role string head or worker
---@field labels table<string, string> labels of the spec
---@field in_spec boolean false: it left the spec

---@class dray.event.before_apply.plan.layout
---@field tensor integer tensor parallel size
---@field pipeline integer pipeline parallel size
---@field data integer data parallel size
---@field nodes integer number of nodes that it uses
---@field backend string ray or mp

---@class dray.event.before_apply.plan.problems
---@field severity string error or warning
---@field node? string the node it is about
---@field text string what is wrong

---@class dray.event.before_apply.plan
---@field add integer steps to create
---@field change integer steps to update
---@field replace integer steps to replace
---@field restart integer steps to restart
---@field destroy integer steps to destroy
---@field run integer steps to run (the probe)
---@field unknown integer steps whose node did not answer
---@field conflict integer steps blocked by something foreign
---@field unchanged integer steps with nothing to do
---@field image? string the engine's image; nil: runtime none
---@field model string the model's repo or path
---@field commit? string the model's commit; nil: not known, or a path
---@field layout dray.event.before_apply.plan.layout 
---@field problems dray.event.before_apply.plan.problems[] 
---@field steps dray.step[] the operations in order, without steps that have nothing to do

---@class dray.event.before_apply
---@field event string the event's name
---@field command string plan, apply, restart, stop, destroy or watch
---@field cluster string the cluster's name
---@field spec string the spec file's name
---@field nodes dray.event.before_apply.nodes[] 
---@field plan dray.event.before_apply.plan 

---@class dray.event.before_step.nodes
---@field name string the node's name
---@field host string the host that dray dials
---@field address? string the address that other nodes dial; nil: not known yet
---@field rank integer 0 is the head
---@field role string head or worker
---@field labels table<string, string> labels of the spec
---@field in_spec boolean false: it left the spec

---@class dray.event.before_step
---@field event string the event's name
---@field command string plan, apply, restart, stop, destroy or watch
---@field cluster string the cluster's name
---@field spec string the spec file's name
---@field nodes dray.event.before_step.nodes[] 
---@field step dray.step the operation

---@class dray.event.after_step.nodes
---@field name string the node's name
---@field host string the host that dray dials
---@field address? string the address that other nodes dial; nil: not known yet
---@field rank integer 0 is the head
---@field role string head or worker
---@field labels table<string, string> labels of the spec
---@field in_spec boolean false: it left the spec

---@class dray.event.after_step
---@field event string the event's name
---@field command string plan, apply, restart, stop, destroy or watch
---@field cluster string the cluster's name
---@field spec string the spec file's name
---@field nodes dray.event.after_step.nodes[] 
---@field step dray.step the operation
---@field seconds number how long it took
---@field instance? string the identity of what runs now, for example the id of a container

---@class dray.event.step_failed.nodes
---@field name string the node's name
---@field host string the host that dray dials
---@field address? string the address that other nodes dial; nil: not known yet
---@field rank integer 0 is the head
---@field role string head or worker
---@field labels table<string, string> labels of the spec
---@field in_spec boolean false: it left the spec

---@class dray.event.step_failed
---@field event string the event's name
---@field command string plan, apply, restart, stop, destroy or watch
---@field cluster string the cluster's name
---@field spec string the spec file's name
---@field nodes dray.event.step_failed.nodes[] 
---@field step dray.step the operation
---@field seconds number how long it took
---@field error string the cause, in one line
---@field what? string the task that failed
---@field failed_on? string the node where it failed
---@field status? integer the exit status; nil: not known
---@field tail? string the last lines of its output

---@class dray.event.after_apply.nodes
---@field name string the node's name
---@field host string the host that dray dials
---@field address? string the address that other nodes dial; nil: not known yet
---@field rank integer 0 is the head
---@field role string head or worker
---@field labels table<string, string> labels of the spec
---@field in_spec boolean false: it left the spec

---@class dray.event.after_apply.plan.layout
---@field tensor integer tensor parallel size
---@field pipeline integer pipeline parallel size
---@field data integer data parallel size
---@field nodes integer number of nodes that it uses
---@field backend string ray or mp

---@class dray.event.after_apply.plan.problems
---@field severity string error or warning
---@field node? string the node it is about
---@field text string what is wrong

---@class dray.event.after_apply.plan
---@field add integer steps to create
---@field change integer steps to update
---@field replace integer steps to replace
---@field restart integer steps to restart
---@field destroy integer steps to destroy
---@field run integer steps to run (the probe)
---@field unknown integer steps whose node did not answer
---@field conflict integer steps blocked by something foreign
---@field unchanged integer steps with nothing to do
---@field image? string the engine's image; nil: runtime none
---@field model string the model's repo or path
---@field commit? string the model's commit; nil: not known, or a path
---@field layout dray.event.after_apply.plan.layout 
---@field problems dray.event.after_apply.plan.problems[] 
---@field steps dray.step[] the operations in order, without steps that have nothing to do

---@class dray.event.after_apply.failures
---@field step string address of a failed step; before_apply or preflight: it failed before any step
---@field error string its cause, in one line

---@class dray.event.after_apply
---@field event string the event's name
---@field command string plan, apply, restart, stop, destroy or watch
---@field cluster string the cluster's name
---@field spec string the spec file's name
---@field nodes dray.event.after_apply.nodes[] 
---@field plan dray.event.after_apply.plan 
---@field outcome string ok, failed or interrupted; or again: it found something that changes the plan, and another plan and apply follow
---@field seconds number how long the apply took
---@field ok integer operations that succeeded
---@field failed integer operations that failed
---@field skipped integer operations skipped because of an earlier failure
---@field cancelled integer operations that did not start because of an interrupt
---@field changed boolean true: something was changed
---@field failures dray.event.after_apply.failures[] 

---@class dray.event.on_down.nodes
---@field name string the node's name
---@field host string the host that dray dials
---@field address? string the address that other nodes dial; nil: not known yet
---@field rank integer 0 is the head
---@field role string head or worker
---@field labels table<string, string> labels of the spec
---@field in_spec boolean false: it left the spec

---@class dray.event.on_down
---@field event string the event's name
---@field command string plan, apply, restart, stop, destroy or watch
---@field cluster string the cluster's name
---@field spec string the spec file's name
---@field nodes dray.event.on_down.nodes[] 
---@field state string down, hangs, failed, conflict or unreachable
---@field why? string what the look saw, in one line
---@field cause? string what the logs or the nodes show as the cause, in one line
---@field since string when it was seen first: 2026-11-30T03:12:40Z

---@class dray.event.on_up.nodes
---@field name string the node's name
---@field host string the host that dray dials
---@field address? string the address that other nodes dial; nil: not known yet
---@field rank integer 0 is the head
---@field role string head or worker
---@field labels table<string, string> labels of the spec
---@field in_spec boolean false: it left the spec

---@class dray.event.on_up
---@field event string the event's name
---@field command string plan, apply, restart, stop, destroy or watch
---@field cluster string the cluster's name
---@field spec string the spec file's name
---@field nodes dray.event.on_up.nodes[] 
---@field state string serving or slow
---@field why? string more about it
---@field since string when the fault was seen first
---@field seconds number how long the model was not served, from the first look that saw the fault
---@field repaired boolean true: dray watch brought it back; false: somebody else did, or it came back
