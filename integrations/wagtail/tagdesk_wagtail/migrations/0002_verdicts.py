"""What editors judged, in the place of how the tags changed."""

from typing import Any, ClassVar

from django.db import migrations, models


def tags_to_verdicts(apps: Any, _: Any) -> None:
    """Keep of the corrections that wait what an editor changed: what stayed as it was is not judged."""
    for correction in apps.get_model("tagdesk_wagtail", "Correction").objects.all():
        before, after = ({name.casefold() for name in names} for names in (correction.before, correction.after))
        correction.before = {}
        correction.after = dict.fromkeys(before - after, False) | dict.fromkeys(after - before, True)
        correction.save()


class Migration(migrations.Migration):
    """Adds the verdicts; the count of tags put on a page is needed no more: a form says which tags it had."""

    dependencies: ClassVar = [("tagdesk_wagtail", "0001_initial")]

    operations: ClassVar = [
        migrations.AddField("pagetopics", "verdicts", models.JSONField(default=dict)),
        migrations.AddField("pagetopics", "drafted", models.JSONField(default=dict)),
        migrations.AddField("pagetopics", "drafted_by", models.CharField(blank=True, max_length=255)),
        migrations.RemoveField("pagetopics", "puts"),
        migrations.RunPython(tags_to_verdicts, migrations.RunPython.noop, elidable=True),
    ]
