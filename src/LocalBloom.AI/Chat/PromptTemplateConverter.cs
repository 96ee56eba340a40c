using System.ComponentModel;
using System.Globalization;

namespace LocalBloom.AI.Chat;

/// <summary>Finds a template by its name, so that configuration can choose one.</summary>
internal sealed class PromptTemplateConverter : TypeConverter
{
    public override bool CanConvertFrom(ITypeDescriptorContext? context, Type sourceType) =>
        sourceType == typeof(string) || base.CanConvertFrom(context, sourceType);

    public override object? ConvertFrom(ITypeDescriptorContext? context, CultureInfo? culture, object value)
    {
        if (value is not string name)
        {
            return base.ConvertFrom(context, culture, value);
        }

        PromptTemplate[] templates = [PromptTemplate.Bloomz, PromptTemplate.Completion, PromptTemplate.Dialogue];
        return Array.Find(templates, template => string.Equals(template.ToString(), name.Trim(), StringComparison.OrdinalIgnoreCase))
            ?? throw new FormatException($"'{name}' is no prompt template. Choose {string.Join(", ", templates.AsEnumerable())}.");
    }
}
