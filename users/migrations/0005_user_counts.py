from django.db import migrations, models

# As users/counting.py had them: what is changed there gets a migration of its own.
STATEMENTS = {
    'postgresql': (
        "CREATE FUNCTION user_counts_inserted() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO user_counts (client_id, status, number, folded) SELECT coalesce(changed.client_id, 0), CASE WHEN NOT changed.active THEN 'inactive' WHEN substr(changed.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END, count(*), false FROM made AS changed GROUP BY 1, 2; RETURN NULL; END$$",
        "CREATE FUNCTION user_counts_deleted() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO user_counts (client_id, status, number, folded) SELECT coalesce(changed.client_id, 0), CASE WHEN NOT changed.active THEN 'inactive' WHEN substr(changed.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END, -count(*), false FROM gone AS changed GROUP BY 1, 2; RETURN NULL; END$$",
        "CREATE FUNCTION user_counts_updated() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO user_counts (client_id, status, number, folded) VALUES (coalesce(OLD.client_id, 0), CASE WHEN NOT OLD.active THEN 'inactive' WHEN substr(OLD.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END, -1, false), (coalesce(NEW.client_id, 0), CASE WHEN NOT NEW.active THEN 'inactive' WHEN substr(NEW.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END, 1, false); RETURN NULL; END$$",
        "CREATE FUNCTION user_counts_truncated() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN TRUNCATE user_counts; RETURN NULL; END$$",
        "CREATE TRIGGER user_counts_inserted AFTER INSERT ON users REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION user_counts_inserted()",
        "CREATE TRIGGER user_counts_deleted AFTER DELETE ON users REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION user_counts_deleted()",
        "CREATE TRIGGER user_counts_updated AFTER UPDATE OF client_id, active, password_digest ON users FOR EACH ROW WHEN (coalesce(OLD.client_id, 0) <> coalesce(NEW.client_id, 0) OR CASE WHEN NOT OLD.active THEN 'inactive' WHEN substr(OLD.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END <> CASE WHEN NOT NEW.active THEN 'inactive' WHEN substr(NEW.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END) EXECUTE FUNCTION user_counts_updated()",
        "CREATE TRIGGER user_counts_truncated AFTER TRUNCATE ON users FOR EACH STATEMENT EXECUTE FUNCTION user_counts_truncated()",
    ),
    'sqlite': (
        """CREATE TABLE user_counts_replaced (
    user_id INTEGER PRIMARY KEY, client_id INTEGER, status TEXT
)""",
        """CREATE TRIGGER user_counts_inserting BEFORE INSERT ON users WHEN EXISTS (SELECT 1 FROM users WHERE id = NEW.id)
        OR EXISTS (SELECT 1 FROM users WHERE email = NEW.email)
        OR EXISTS (SELECT 1 FROM user_counts_replaced) BEGIN 
        DELETE FROM user_counts_replaced;
        INSERT INTO user_counts_replaced SELECT id, coalesce(users.client_id, 0), CASE WHEN NOT users.active THEN 'inactive' WHEN substr(users.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END FROM users
            WHERE (id = NEW.id OR email = NEW.email); END""",
        """CREATE TRIGGER user_counts_inserted AFTER INSERT ON users BEGIN 
        INSERT INTO user_counts (client_id, status, number, folded) SELECT coalesce(NEW.client_id, 0), CASE WHEN NOT NEW.active THEN 'inactive' WHEN substr(NEW.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END, 0, 1
            WHERE NOT EXISTS (SELECT 1 FROM user_counts WHERE client_id = coalesce(NEW.client_id, 0) AND status = CASE WHEN NOT NEW.active THEN 'inactive' WHEN substr(NEW.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END);
        UPDATE user_counts SET number = number + 1 WHERE client_id = coalesce(NEW.client_id, 0) AND status = CASE WHEN NOT NEW.active THEN 'inactive' WHEN substr(NEW.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END; END""",
        """CREATE TRIGGER user_counts_replaced_by_insert AFTER INSERT ON users WHEN EXISTS (SELECT 1 FROM user_counts_replaced) BEGIN 
        DELETE FROM user_counts_replaced
            WHERE user_id <> NEW.id AND user_id IN (SELECT id FROM users);
        UPDATE user_counts SET number = number - (
            SELECT count(*) FROM user_counts_replaced AS replaced
            WHERE replaced.client_id = user_counts.client_id
                AND replaced.status = user_counts.status
        ) WHERE (client_id, status) IN (SELECT client_id, status FROM user_counts_replaced);
        DELETE FROM user_counts_replaced; END""",
        """CREATE TRIGGER user_counts_deleted AFTER DELETE ON users BEGIN 
        INSERT INTO user_counts (client_id, status, number, folded) SELECT coalesce(OLD.client_id, 0), CASE WHEN NOT OLD.active THEN 'inactive' WHEN substr(OLD.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END, 0, 1
            WHERE NOT EXISTS (SELECT 1 FROM user_counts WHERE client_id = coalesce(OLD.client_id, 0) AND status = CASE WHEN NOT OLD.active THEN 'inactive' WHEN substr(OLD.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END);
        UPDATE user_counts SET number = number + -1 WHERE client_id = coalesce(OLD.client_id, 0) AND status = CASE WHEN NOT OLD.active THEN 'inactive' WHEN substr(OLD.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END; DELETE FROM user_counts_replaced WHERE user_id = OLD.id; END""",
        """CREATE TRIGGER user_counts_updated AFTER UPDATE OF client_id, active, password_digest ON users WHEN coalesce(OLD.client_id, 0) <> coalesce(NEW.client_id, 0) OR CASE WHEN NOT OLD.active THEN 'inactive' WHEN substr(OLD.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END <> CASE WHEN NOT NEW.active THEN 'inactive' WHEN substr(NEW.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END BEGIN 
        INSERT INTO user_counts (client_id, status, number, folded) SELECT coalesce(OLD.client_id, 0), CASE WHEN NOT OLD.active THEN 'inactive' WHEN substr(OLD.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END, 0, 1
            WHERE NOT EXISTS (SELECT 1 FROM user_counts WHERE client_id = coalesce(OLD.client_id, 0) AND status = CASE WHEN NOT OLD.active THEN 'inactive' WHEN substr(OLD.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END);
        UPDATE user_counts SET number = number + -1 WHERE client_id = coalesce(OLD.client_id, 0) AND status = CASE WHEN NOT OLD.active THEN 'inactive' WHEN substr(OLD.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END;
        INSERT INTO user_counts (client_id, status, number, folded) SELECT coalesce(NEW.client_id, 0), CASE WHEN NOT NEW.active THEN 'inactive' WHEN substr(NEW.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END, 0, 1
            WHERE NOT EXISTS (SELECT 1 FROM user_counts WHERE client_id = coalesce(NEW.client_id, 0) AND status = CASE WHEN NOT NEW.active THEN 'inactive' WHEN substr(NEW.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END);
        UPDATE user_counts SET number = number + 1 WHERE client_id = coalesce(NEW.client_id, 0) AND status = CASE WHEN NOT NEW.active THEN 'inactive' WHEN substr(NEW.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END; END""",
        """CREATE TRIGGER user_counts_moving BEFORE UPDATE OF id, email ON users WHEN (OLD.id <> NEW.id OR OLD.email <> NEW.email) BEGIN 
        DELETE FROM user_counts_replaced;
        INSERT INTO user_counts_replaced SELECT id, coalesce(users.client_id, 0), CASE WHEN NOT users.active THEN 'inactive' WHEN substr(users.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END FROM users
            WHERE (id = NEW.id OR email = NEW.email) AND id <> OLD.id; END""",
        """CREATE TRIGGER user_counts_replaced_by_update AFTER UPDATE OF id, email ON users WHEN (OLD.id <> NEW.id OR OLD.email <> NEW.email) AND EXISTS (SELECT 1 FROM user_counts_replaced) BEGIN 
        DELETE FROM user_counts_replaced
            WHERE user_id <> NEW.id AND user_id IN (SELECT id FROM users);
        UPDATE user_counts SET number = number - (
            SELECT count(*) FROM user_counts_replaced AS replaced
            WHERE replaced.client_id = user_counts.client_id
                AND replaced.status = user_counts.status
        ) WHERE (client_id, status) IN (SELECT client_id, status FROM user_counts_replaced);
        DELETE FROM user_counts_replaced; END""",
    ),
}
REMOVALS = {
    'postgresql': (
        "DROP FUNCTION user_counts_inserted CASCADE",
        "DROP FUNCTION user_counts_deleted CASCADE",
        "DROP FUNCTION user_counts_updated CASCADE",
        "DROP FUNCTION user_counts_truncated CASCADE",
    ),
    'sqlite': (
        "DROP TRIGGER user_counts_inserting",
        "DROP TRIGGER user_counts_inserted",
        "DROP TRIGGER user_counts_replaced_by_insert",
        "DROP TRIGGER user_counts_deleted",
        "DROP TRIGGER user_counts_updated",
        "DROP TRIGGER user_counts_moving",
        "DROP TRIGGER user_counts_replaced_by_update",
        "DROP TABLE user_counts_replaced",
    ),
}
RECOUNT = (
    "DELETE FROM user_counts",
    "INSERT INTO user_counts (client_id, status, number, folded) SELECT coalesce(users.client_id, 0), CASE WHEN NOT users.active THEN 'inactive' WHEN substr(users.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END, count(*), true FROM users GROUP BY 1, 2",
)


def forwards(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    # The triggers first: on PostgreSQL they lock the table, so that nothing comes in between.
    for statement in (*STATEMENTS[vendor], *RECOUNT):
        schema_editor.execute(statement, params=None)


def backwards(apps, schema_editor):
    for statement in REMOVALS[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0004_link_cutoffs'),
    ]

    operations = [
        migrations.CreateModel(
            name='UserCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('status', models.TextField()),
                ('number', models.BigIntegerField()),
                ('folded', models.BooleanField()),
            ],
            options={
                'db_table': 'user_counts',
                'indexes': [models.Index(fields=['client_id', 'status', 'number'], name='user_counts_key'), models.Index(models.F('id'), condition=models.Q(('folded', False)), name='user_counts_appended')],
            },
        ),
        migrations.RunPython(forwards, backwards),
        # Made as any table, and unmanaged from here on: see users/counts.py.
        migrations.AlterModelOptions(
            name='usercount',
            options={'managed': False},
        ),
    ]
