"""Who may do what with the floor's tables."""

from django.db import migrations

PARTITION = """
call pos_partition_by_month('portal_auditentry', 'at', '(at, id)');
select pos_prepare_months('portal_auditentry', (now() - interval '1 month')::date,
                          (now() + interval '3 months')::date);
"""

RIGHTS = """
-- identities: the gate alone
grant select, insert, update on portal_user to pos_gate;
grant select, insert, update, delete on
  portal_passwordhistory, portal_authenticatordevice, portal_recoverycode, portal_usersession,
  portal_stepup, portal_savedview, portal_listpreference, portal_ratewindow, django_session
  to pos_gate;
do $$
declare t text;
begin
  for t in select tablename from pg_tables
            where schemaname = 'public' and tablename like 'axes\\_%' loop
    execute format('grant select, insert, update, delete on %I to pos_gate', t);
  end loop;
end $$;
call pos_tenant_table('portal_savedview');
-- the login itself too, for makemigrations
grant select on django_migrations to pos_app, pos_gate, pos_worker;
grant usage on all sequences in schema public
  to pos_gate, pos_merchant, pos_staff, pos_device, pos_worker;
alter default privileges in schema public
  grant usage on sequences to pos_gate, pos_merchant, pos_staff, pos_device, pos_worker;

-- the audit log: everyone may add, staff and workers may read, nobody may change
alter table portal_auditentry enable row level security;
alter table portal_auditentry force row level security;
create policy add on portal_auditentry for insert
  to pos_gate, pos_staff, pos_device, pos_worker, pos_sealer with check (true);
create policy add_own on portal_auditentry for insert to pos_merchant
  with check (merchant_id = (select nullif(current_setting('app.merchant', true), '')::bigint));
create policy read on portal_auditentry for select
  to pos_staff, pos_worker, pos_sealer using (true);
grant insert on portal_auditentry
  to pos_gate, pos_merchant, pos_staff, pos_device, pos_worker, pos_sealer;
grant select on portal_auditentry to pos_staff, pos_worker, pos_sealer;
call pos_append_only('portal_auditentry');
-- people see on their own security page what happened to their own account
create policy own on portal_auditentry for select to pos_gate
  using (subject_type = 'user'
         and 'PERSON:' || subject_id = (select current_setting('app.actor', true)));
grant select on portal_auditentry to pos_gate;

-- jobs and messages
call pos_tenant_table('portal_job');
grant select, insert, update on portal_job to pos_merchant, pos_staff, pos_worker;
grant insert on portal_outboxmessage to pos_gate, pos_merchant, pos_staff, pos_device;
grant select, insert, update, delete on portal_outboxmessage to pos_worker;

call pos_watch_rows('portal_user', '{password}');
call pos_watch_rows('portal_authenticatordevice', '{sealed_seed}');
"""

UNDO_PARTITION = """
call pos_gather_months('portal_auditentry', '(id)');
"""

UNDO_RIGHTS = """
call pos_withdraw_rights('portal');
call pos_withdraw_rights('axes');
revoke all on django_session, django_migrations from pos_app, pos_gate, pos_worker;
alter default privileges in schema public revoke usage on sequences
  from pos_gate, pos_merchant, pos_staff, pos_device, pos_worker;
revoke all on all sequences in schema public
  from pos_gate, pos_merchant, pos_staff, pos_device, pos_worker;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0002_tables"),
        ("sessions", "0001_initial"),
        ("axes", "0010_accessattemptexpiration"),
    ]
    operations = [
        migrations.RunSQL(PARTITION, UNDO_PARTITION),
        migrations.RunSQL(RIGHTS, UNDO_RIGHTS),
    ]
