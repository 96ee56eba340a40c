using System.ComponentModel.DataAnnotations;

namespace LocalBloom.AI.Validation;

/// <summary>Accepts named members of an enum only. Unlike <see cref="EnumDataTypeAttribute"/>, its message says the value and the names.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class DefinedEnumAttribute : ValidationAttribute
{
    /// <inheritdoc/>
    protected override ValidationResult? IsValid(object? value, ValidationContext validationContext) =>
        value is not Enum member || Enum.IsDefined(member.GetType(), member)
            ? ValidationResult.Success
            : new ValidationResult(
                $"{validationContext.DisplayName} is {value}, which has no name. Use {string.Join(", ", Enum.GetNames(member.GetType()))}.");
}
