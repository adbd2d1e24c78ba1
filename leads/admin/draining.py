"""Operators and sources, saved so that whoever waits gets the room a change makes.

In one transaction: first the locks, then what the supervisor changed, last the waiting inquiries are given out. Any
other order lets two such changes wait for each other, or leaves an inquiry beside a free operator.
"""

import random
from contextlib import nullcontext

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from leads.models import Inquiry, Trigger
from leads.queries import open_counts
from leads.services import assign_waiting, lock_operators, return_inquiries
from routing import admin as routing
from routing.models import Operator, Source
from routing.queries import sources_of
from routing.theme import ActionVariant, ChangeList, action, display


class DrainingAdmin:
    """Lock, write, give out. What is locked and drained, the subclass says."""

    def save_model(self, request, obj, form, change):
        """Nothing yet: it is written in save_related, where the inlines are known and the locks come first."""

    def save_related(self, request, form, formsets, change):
        self.lock(form.instance, formsets)
        _write_changes(form, change)
        super().save_related(request, form, formsets, change)
        self.drain(request, self.sources_to_drain(form.instance))

    def get_actions(self, request):
        """Each deletion needs a look of its own: see delete_view."""
        return {name: found for name, found in super().get_actions(request).items() if name != "delete_selected"}

    def get_deleted_objects(self, objs, request):
        """Weights, shifts and keys go with what they belong to: they need no permission of their own."""
        deleted, counts, _needed, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, set(), protected

    def drain(self, request, source_ids):
        given = assign_waiting(
            source_ids=source_ids, now=timezone.now(), rng=random.random, trigger=Trigger.SLOT_FREED
        )
        if given:
            said = ngettext(
                "%(count)d waiting inquiry was given out.", "%(count)d waiting inquiries were given out.", given
            )
            self.message_user(request, said % {"count": given}, messages.SUCCESS)

    def refuse_deletion(self, request, obj, why):
        self.message_user(request, why, messages.ERROR)
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_change"
        return HttpResponseRedirect(reverse(name, args=[obj.pk]))


def _write_changes(form, change):
    """Only what was typed: the rest of the row may have changed since it was read."""
    if not change:
        form.instance.save()
    elif form.changed_data:
        form.instance.save(update_fields=[*form.changed_data, "updated_at"])


class OperatorList(ChangeList):
    """The list with everyone's present load, counted by one query."""

    def get_results(self, request):
        super().get_results(request)
        counts = open_counts([operator.pk for operator in self.result_list])
        for operator in self.result_list:
            operator.open_count = counts.get(operator.pk, 0)


@admin.register(Operator)
class OperatorAdmin(DrainingAdmin, routing.OperatorAdmin):
    list_display = ["name", "is_active", "now", "load", "max_load", "shares"]
    actions = ["put_on_duty", "take_off_duty", "hand_over"]

    def get_changelist(self, request, **kwargs):
        return OperatorList

    def changelist_view(self, request, extra_context=None):
        if request.method != "POST" or "_save" not in request.POST:
            return super().changelist_view(request, extra_context)
        # Django saves row by row; the locks of all the rows come before the first of them.
        with transaction.atomic():
            every_source = list(Source.objects.values_list("pk", flat=True))
            lock_operators((), source_ids=every_source, now=timezone.now())
            return super().changelist_view(request, extra_context)

    def delete_view(self, request, object_id, extra_context=None):
        operator = self.get_object(request, unquote(object_id))
        if operator is None or not self.has_delete_permission(request, operator):
            return super().delete_view(request, object_id, extra_context)
        deleting = request.method == "POST"
        with transaction.atomic() if deleting else nullcontext():
            if deleting:
                lock_operators([operator.pk], now=timezone.now())
            held = open_counts([operator.pk]).get(operator.pk, 0)
            if held:
                return self.refuse_deletion(request, operator, _still_holds(operator, held))
            sources = sources_of([operator.pk])
            response = super().delete_view(request, object_id, extra_context)
            if deleting:
                self.drain(request, sources)
            return response

    def lock(self, operator, formsets):
        if operator.pk:
            lock_operators([operator.pk], now=timezone.now())

    def sources_to_drain(self, operator):
        return sources_of([operator.pk])

    @display(description=_("load"))
    def load(self, operator):
        return load_bar(operator.open_count, operator.max_load)

    @action(description=_("Put on duty"), permissions=["change"], icon="login")
    def put_on_duty(self, request, queryset):
        count = self._switch(request, queryset, on_duty=True)
        said = ngettext("%(count)d operator is now on duty.", "%(count)d operators are now on duty.", count)
        self.message_user(request, said % {"count": count}, messages.SUCCESS)

    @action(
        description=_("Take off duty: they keep what they have"),
        permissions=["change"],
        icon="logout",
        variant=ActionVariant.WARNING,
    )
    def take_off_duty(self, request, queryset):
        self._say_off_duty(request, self._switch(request, queryset, on_duty=False))

    @action(
        description=_("Take off duty: others get what they have"),
        permissions=["change"],
        icon="move_down",
        variant=ActionVariant.WARNING,
    )
    def hand_over(self, request, queryset):
        self._say_off_duty(request, self._switch(request, queryset, on_duty=False, hand_over=True))

    def _say_off_duty(self, request, count):
        said = ngettext("%(count)d operator is now off duty.", "%(count)d operators are now off duty.", count)
        self.message_user(request, said % {"count": count}, messages.SUCCESS)

    def _switch(self, request, queryset, *, on_duty, hand_over=False):
        """Switch these operators on or off. Gives how many were the other way before."""
        operator_ids = list(queryset.values_list("pk", flat=True))
        now = timezone.now()
        with transaction.atomic(durable=True):
            lock_operators(operator_ids, now=now)
            others = Operator.objects.filter(pk__in=operator_ids).exclude(is_active=on_duty)
            count = others.update(is_active=on_duty, updated_at=now)
            if hand_over:
                for operator_id in operator_ids:
                    return_inquiries(operator_id, by=request.user, now=now, rng=random.random)
            self.drain(request, sources_of(operator_ids))
        return count


@admin.register(Source)
class SourceAdmin(DrainingAdmin, routing.SourceAdmin):
    def delete_view(self, request, object_id, extra_context=None):
        source = self.get_object(request, unquote(object_id))
        if source is None or not self.has_delete_permission(request, source):
            return super().delete_view(request, object_id, extra_context)
        if count := Inquiry.objects.filter(source=source).count():
            return self.refuse_deletion(request, source, _has_inquiries(source, count))
        try:
            return super().delete_view(request, object_id, extra_context)
        except (ProtectedError, IntegrityError):
            # The first inquiry came in between the look and the deletion.
            return self.refuse_deletion(request, source, _has_inquiries(source, 1))

    def lock(self, source, formsets):
        rows = [row for formset in formsets for row in formset.cleaned_data if row]
        newcomers = {row["operator"].pk for row in rows if row.get("operator")}
        lock_operators(newcomers, source_ids=[source.pk] if source.pk else [], now=timezone.now())

    def sources_to_drain(self, source):
        return [source.pk]


def load_bar(open_count, limit):
    """Load against limit, as a bar and in figures; over the limit it stands out."""
    state = "desk-over" if open_count > limit else "desk-full" if open_count == limit else ""
    return format_html(
        '<span class="desk-load {}">'
        '<progress class="desk-bar" value="{}" max="{}"></progress>{}&nbsp;/&nbsp;{}</span>',
        state,
        min(open_count, limit),
        limit,
        open_count,
        limit,
    )


def _still_holds(operator, count):
    return ngettext(
        "%(name)s still holds %(count)d open inquiry. Resolve it or give it to somebody else first.",
        "%(name)s still holds %(count)d open inquiries. Resolve them or give them to others first.",
        count,
    ) % {"name": operator, "count": count}


def _has_inquiries(source, count):
    return ngettext(
        "%(name)s has %(count)d inquiry and stays with it. Switch the source off instead.",
        "%(name)s has %(count)d inquiries and stays with them. Switch the source off instead.",
        count,
    ) % {"name": source, "count": count}
