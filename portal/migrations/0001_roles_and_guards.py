"""Database roles, and the procedures by which later migrations protect their tables.

Written as SQL that lives in the database, so that no migration imports application code.
"""

from django.conf import settings
from django.db import migrations

ROLES = """
do $$
declare r text;
begin
  foreach r in array array['pos_gate','pos_merchant','pos_staff','pos_device','pos_worker','pos_sealer']
  loop
    if not exists (select from pg_roles where rolname = r) then
      execute format('create role %I nologin noinherit', r);
    end if;
  end loop;
  if not exists (select from pg_roles where rolname = 'pos_app') then
    create role pos_app login noinherit;
  end if;
end $$;
grant pos_gate, pos_merchant, pos_staff, pos_device, pos_worker, pos_sealer to pos_app;
revoke create on schema public from public;
grant usage on schema public
  to pos_app, pos_gate, pos_merchant, pos_staff, pos_device, pos_worker, pos_sealer;
"""

GUARDS = """
-- Rows of a merchant are seen by that merchant alone; staff, workers and the gate see all
-- that their grants allow. The subselect makes the setting an init plan: one look a query.
create procedure pos_tenant_table(tbl regclass, col text default 'merchant_id')
language plpgsql as $$
begin
  execute format('alter table %s enable row level security', tbl);
  execute format('alter table %s force row level security', tbl);
  execute format(
    'create policy tenant on %s to pos_merchant, pos_device'
    ' using (%2$I = (select nullif(current_setting(''app.merchant'', true), '''')::bigint))'
    ' with check (%2$I = (select nullif(current_setting(''app.merchant'', true), '''')::bigint))',
    tbl, col);
  execute format(
    'create policy house on %s to pos_staff, pos_worker, pos_gate, pos_sealer'
    ' using (true) with check (true)', tbl);
end $$;

create function pos_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end $$;

-- What is written stays: for every role, the owner too. TRUNCATE is withheld by grant, not by
-- trigger, so that a test's clean-up by the owner stays possible.
create procedure pos_append_only(tbl regclass) language plpgsql as $$
begin
  execute format('create trigger append_only before update or delete on %s'
                 ' for each row execute function pos_refuse_change()', tbl);
end $$;

-- Every change of a watched row leaves an entry, whoever made it and however: the actor is
-- the one the application declared, else the database role. Times are written in UTC whatever
-- the session's zone, and no temporary table can stand in for the log.
create function pos_note_row() returns trigger language plpgsql
set timezone = 'UTC' set search_path = pg_catalog, public, pg_temp as $$
declare
  was jsonb := case when tg_op = 'INSERT' then null else to_jsonb(old) end;
  becomes jsonb := case when tg_op = 'DELETE' then null else to_jsonb(new) end;
  hidden text[] := coalesce(tg_argv[0], '{}')::text[];
  row_now jsonb := coalesce(becomes, was);
  col text;
begin
  if tg_op = 'UPDATE' and was = becomes then
    return null;
  end if;
  foreach col in array hidden loop
    if was ? col then was := was || jsonb_build_object(col, '***'); end if;
    if becomes ? col then becomes := becomes || jsonb_build_object(col, '***'); end if;
  end loop;
  insert into portal_auditentry
    (id, at, event, outcome, actor_kind, actor_label, actor_role, subject_type, subject_id,
     subject_label, via, request_id, details, merchant_id)
  values
    (gen_random_uuid(), clock_timestamp(), 'row.' || lower(tg_op), 'DONE', 'DB',
     coalesce(nullif(current_setting('app.actor', true), ''), 'db:' || current_user), '',
     tg_table_name, coalesce(row_now ->> 'id', ''), '', 'DB', '',
     jsonb_build_object('before', was, 'after', becomes),
     case when tg_table_name = 'merchants_merchant' then (row_now ->> 'id')::bigint
          else (row_now ->> 'merchant_id')::bigint end);
  return null;
end $$;

create procedure pos_watch_rows(tbl regclass, hidden text[] default '{}')
language plpgsql as $$
begin
  execute format('create trigger watch_rows after insert or update or delete on %s'
                 ' for each row execute function pos_note_row(%L)', tbl, hidden::text);
end $$;

-- Monthly partitions [first, last], each closed to direct access. A month that already has
-- rows in the default partition is left there.
create function pos_prepare_months(parent text, first date, last date)
returns integer language plpgsql security definer
set search_path = pg_catalog, public, pg_temp as $$
declare
  m date := date_trunc('month', first)::date;
  child text;
  made integer := 0;
begin
  if parent not in (select relname from pg_class where relkind = 'p'
                    and relnamespace = 'public'::regnamespace) then
    raise exception 'no partitioned table %', parent;
  end if;
  perform pg_advisory_xact_lock(hashtext('pos_prepare_months'), hashtext(parent));
  while m <= last loop
    child := format('%s_%s', parent, to_char(m, 'YYYYMM'));
    if to_regclass('public.' || child) is null then
      begin
        execute format('create table public.%I partition of public.%I'
                       ' for values from (%L) to (%L)',
                       child, parent, m, (m + interval '1 month')::date);
        execute format('alter table public.%I enable row level security', child);
        execute format('alter table public.%I force row level security', child);
        made := made + 1;
      exception when check_violation then
        null;
      end;
    end if;
    m := (m + interval '1 month')::date;
  end loop;
  return made;
end $$;
revoke all on function pos_prepare_months(text, date, date) from public;
grant execute on function pos_prepare_months(text, date, date) to pos_worker;

create procedure pos_default_partition(parent text) language plpgsql as $$
begin
  execute format('create table public.%I partition of public.%I default',
                 parent || '_rest', parent);
  execute format('alter table public.%I enable row level security', parent || '_rest');
  execute format('alter table public.%I force row level security', parent || '_rest');
end $$;

-- Makes a table anew, partitioned ('by range (...)') or plain (''), with the same columns,
-- checks, indexes, foreign keys and rows, and the given primary key.
create procedure pos_make_anew(tbl text, partitioned text, pk text) language plpgsql as $$
declare
  wanted text[];
  command text;
begin
  select coalesce(array_agg(def), '{}') into wanted from (
    select replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ') as def from pg_index i
     where i.indrelid = tbl::regclass and not i.indisprimary
    union all
    select format('alter table %I add constraint %I %s', tbl, c.conname,
                  pg_get_constraintdef(c.oid))
      from pg_constraint c
     where c.conrelid = tbl::regclass and c.contype = 'f' and c.conparentid = 0) d;
  execute format('alter table %I rename to %I', tbl, tbl || '_old');
  execute format('create table %I (like %I including defaults including constraints) %s',
                 tbl, tbl || '_old', partitioned);
  if partitioned <> '' then
    call pos_default_partition(tbl);
  end if;
  execute format('insert into %I select * from %I', tbl, tbl || '_old');
  execute format('drop table %I', tbl || '_old');
  execute format('alter table %I add primary key %s', tbl, pk);
  foreach command in array wanted loop
    execute command;
  end loop;
end $$;

create procedure pos_partition_by_month(tbl text, key text, pk text) language plpgsql as $$
begin
  call pos_make_anew(tbl, format('partition by range (%I)', key), pk);
end $$;

-- The way back: one plain table again, as Django makes it.
create procedure pos_gather_months(tbl text, pk text) language plpgsql as $$
begin
  call pos_make_anew(tbl, '', pk);
end $$;

-- Takes back what a migration of rights gave on one app's tables.
create procedure pos_withdraw_rights(app text) language plpgsql as $$
declare
  command text;
begin
  for command in
    select format('drop policy %I on %I', policyname, tablename)
      from pg_policies where schemaname = 'public' and starts_with(tablename, app || '_')
    union all
    select format('drop trigger %I on %s', tgname, tgrelid::regclass)
      from pg_trigger join pg_class c on c.oid = tgrelid
     where tgname in ('append_only', 'watch_rows') and tgparentid = 0
       and starts_with(c.relname, app || '_')
    union all
    select format('alter table %s disable row level security, no force row level security',
                  c.oid::regclass)
      from pg_class c where c.relnamespace = 'public'::regnamespace and c.relrowsecurity
       and not c.relispartition and starts_with(c.relname, app || '_')
    union all
    select format('revoke all on %s from pos_app, pos_gate, pos_merchant, pos_staff, pos_device,'
                  ' pos_worker, pos_sealer', c.oid::regclass)
      from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
       and not c.relispartition and starts_with(c.relname, app || '_')
  loop
    execute command;
  end loop;
end $$;

-- /readyz calls it: PL/pgSQL stops answering when its library was replaced under the server.
create function pos_alive() returns boolean language plpgsql as $$ begin return true; end $$;
"""

UNDO_GUARDS = """
drop function pos_alive();
drop procedure pos_withdraw_rights(text);
drop procedure pos_gather_months(text, text);
drop procedure pos_partition_by_month(text, text, text);
drop procedure pos_make_anew(text, text, text);
drop procedure pos_default_partition(text);
drop function pos_prepare_months(text, date, date);
drop procedure pos_watch_rows(regclass, text[]);
drop function pos_note_row();
drop procedure pos_append_only(regclass);
drop function pos_refuse_change();
drop procedure pos_tenant_table(regclass, text);
"""


def set_password(apps, schema_editor):
    """Give the application's login its password (the URL of the owner implies it)."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("select quote_literal(%s)", [settings.APP_DATABASE_PASSWORD])
        quoted = cursor.fetchone()[0]
        cursor.execute(f"alter role pos_app password {quoted}")


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        # Roles belong to the cluster and may serve another database: they are not dropped.
        migrations.RunSQL(ROLES, migrations.RunSQL.noop),
        migrations.RunPython(set_password, migrations.RunPython.noop, elidable=False),
        migrations.RunSQL(GUARDS, UNDO_GUARDS),
    ]
